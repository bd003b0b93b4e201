"""otel-config/agent.yaml in the real Collector, between an application and a detector."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from collector_process import CollectorProcess
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from otlp_receiver import OtlpReceiver, attributes
from otlp_sender import OtlpSender
from real_collector import total
from waiting import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def detector() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def agent(detector: OtlpReceiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    with CollectorProcess(
        ["agent.yaml"],
        tmp_path_factory.mktemp("agent"),
        AEGISOPS_COLLECTOR_DETECTOR=detector.address,
        AEGISOPS_COLLECTOR_HOST_NAME="machine-7",
    ) as running:
        yield running


@pytest.fixture
def application(agent: CollectorProcess) -> Iterator[OtlpSender]:
    with OtlpSender(agent.address) as sender:
        yield sender


def test_a_point_of_an_sdk_over_http_comes_to_the_detector(
    agent: CollectorProcess, detector: OtlpReceiver
) -> None:
    exporter = OTLPMetricExporter(endpoint=f"{agent.http_url}/v1/metrics")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
    meters = MeterProvider([reader], Resource({"service.name": "by-sdk"}), shutdown_on_exit=False)
    meters.get_meter("tests").create_gauge("queue.length").set(3.0)
    meters.force_flush()
    meters.shutdown()
    eventually(lambda: "by-sdk" in detector.services(), "the point of the SDK arrives")


def test_the_machine_is_named_where_the_application_does_not(
    application: OtlpSender, detector: OtlpReceiver
) -> None:
    application.point("homeless", "queue.length", 1.0)
    application.point("at-home", "queue.length", 1.0, host__name="own-name")
    eventually(lambda: {"homeless", "at-home"} <= detector.services(), "both points arrive")
    hosts = {resource["service.name"]: resource.get("host.name") for resource, *_ in detector.points}
    assert (hosts["homeless"], hosts["at-home"]) == ("machine-7", "own-name")


SECRETS = ("hunter2", "abcdefghijkl", "eyJzdWIi", "correct-horse", "AKIAIOSFODNN7EXAMPLE")


def test_secrets_in_log_lines_are_masked(application: OtlpSender, detector: OtlpReceiver) -> None:
    body = (
        "user 7 failed with password=hunter2, Authorization: Bearer abcdefghijkl, "
        "cookie eyJhbGciOi.eyJzdWIi.abc, postgresql://app:correct-horse@db/orders, key AKIAIOSFODNN7EXAMPLE"
    )
    application.log("talkative", body)
    eventually(lambda: "talkative" in detector.services(), "the log line arrives")
    (kept,) = [record.body.string_value for resource, record in detector.logs]
    assert not [secret for secret in SECRETS if secret in kept]
    assert kept.startswith("user 7 failed with ")


def test_secrets_in_spans_are_masked_and_what_only_sounds_like_one_is_not(
    application: OtlpSender, detector: OtlpReceiver
) -> None:
    application.span(
        "leaky",
        trace_id=os.urandom(16),
        span_id=os.urandom(8),
        status="login failed: password=hunter2",
        attributes={
            "url.full": "https://u:correct-horse@shop/orders?page=2&token=abcdefghijkl",
            "http.request.header.authorization": ["Bearer abcdefghijkl"],
            "process.command_args": ["serve", "--password=hunter2"],
            "api_key": "hunter2",
            "gen_ai.usage.input_tokens": 17,
            "http.route": "/orders",
        },
    )
    eventually(lambda: "leaky" in detector.services(), "the span arrives")
    (span,) = [span for resource, span in detector.spans if resource["service.name"] == "leaky"]
    assert not [secret for secret in SECRETS if secret in str(span)]
    kept = attributes(span.attributes)
    assert kept["gen_ai.usage.input_tokens"] == 17
    assert kept["http.route"] == "/orders"
    assert "page=2" in kept["url.full"]


SPELLINGS = (
    "PassWord pASSWD PassPhrase X-Api-Key x_API_key ApiKey aPIKey Access-Key ACCESSkey sEcret ClientSECRET "
    "AuthTOKEN sessionToKen"
)


@pytest.mark.parametrize("name", SPELLINGS.split())
def test_a_secret_is_known_by_its_name_in_any_case(
    application: OtlpSender, detector: OtlpReceiver, name: str
) -> None:
    service = f"shouts-{name}"
    application.span(
        service, trace_id=os.urandom(16), span_id=os.urandom(8), attributes={name: "hunter2", "left": name}
    )
    application.log(service, f"refused: {name}=hunter2")

    def kept() -> list[Span | LogRecord]:
        return [
            one for resource, one in (*detector.spans, *detector.logs) if resource["service.name"] == service
        ]

    eventually(lambda: len(kept()) == 2, "span and log line arrive")
    assert "hunter2" not in str(kept())
    assert name in str(kept())


def test_aegisops_own_telemetry_goes_to_the_backends_and_never_to_the_detector(
    application: OtlpSender, agent: CollectorProcess, detector: OtlpReceiver
) -> None:
    trace = os.urandom(16)
    application.point("aegisops-detector", "own.level", 1.0, service__namespace="aegisops")
    application.log("aegisops-detector", "own line", service__namespace="aegisops")
    application.span(
        "aegisops-detector", trace_id=trace, span_id=os.urandom(8), service__namespace="aegisops"
    )
    application.point("after-it", "queue.length", 1.0)
    application.log("after-it", "a line")
    application.span("after-it", trace_id=trace, span_id=os.urandom(8))
    eventually(
        lambda: all(
            "after-it" in {one[0]["service.name"] for one in kept}
            for kept in (detector.points, detector.logs, detector.spans)
        ),
        "what was sent after it arrives",
    )
    assert "aegisops-detector" not in detector.services()
    jobs = {sample.labels.get("job") for sample in agent.prometheus() if sample.name == "own_level_ratio"}
    assert jobs == {"aegisops/aegisops-detector"}


def test_metrics_are_made_of_spans_for_prometheus_and_not_for_the_detector(
    application: OtlpSender, agent: CollectorProcess, detector: OtlpReceiver
) -> None:
    trace, client, server = os.urandom(16), os.urandom(8), os.urandom(8)
    answers: dict[str, str | int | list[str]] = {"http.response.status_code": 503}
    application.span(
        "stock", trace_id=trace, span_id=server, parent_id=client, status="down", attributes=answers
    )
    application.span("till", trace_id=trace, span_id=client, kind=Span.SPAN_KIND_CLIENT)

    def shown(name: str, **labels: str) -> float:
        return total(agent.prometheus(), name, **labels)

    edge = {"client": "till", "server": "stock"}
    eventually(
        lambda: (
            shown("traces_service_graph_request_total", **edge) == 1
            and shown("traces_span_metrics_duration_seconds_count", service_name="stock") == 1
        ),
        "the call is counted as one of its operation and as one between its ends",
    )
    assert shown("traces_service_graph_request_failed_total", **edge) == 1
    assert shown("traces_service_graph_request_server_seconds_count", **edge) == 1
    assert shown("traces_service_graph_request_client_seconds_count", **edge) == 1
    assert not [name for _, name, *_ in detector.points if name.startswith("traces")]


def test_a_bucket_leads_to_the_trace_of_a_request_in_it(
    application: OtlpSender, agent: CollectorProcess
) -> None:
    trace = os.urandom(16)
    application.span("traced", trace_id=trace, span_id=os.urandom(8))
    url = agent.prometheus_url
    openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
    eventually(
        lambda: f'trace_id="{trace.hex()}"' in httpx.get(url, headers=openmetrics, trust_env=False).text,
        "an exemplar names the trace",
    )


def test_what_came_while_the_detector_was_away_is_sent_when_it_is_back(tmp_path: Path) -> None:
    with (
        OtlpReceiver() as detector,
        CollectorProcess(["agent.yaml"], tmp_path, AEGISOPS_COLLECTOR_DETECTOR=detector.address) as agent,
        OtlpSender(agent.address) as application,
    ):
        application.point("before", "queue.length", -1.0)
        eventually(lambda: "before" in detector.services(), "the first point arrives")
        detector.stop()
        for value in range(50):
            application.point("during", "queue.length", float(value))
        detector.start()
        eventually(lambda: len(detector.points) >= 51, "all points arrive")
        assert [value for _, _, value, _ in detector.points] == [float(value) for value in range(-1, 50)]


def test_what_the_detector_has_not_confirmed_outlives_a_killed_collector(tmp_path: Path) -> None:
    with (
        OtlpReceiver() as detector,
        CollectorProcess(["agent.yaml"], tmp_path, AEGISOPS_COLLECTOR_DETECTOR=detector.address) as agent,
    ):
        detector.stop()
        with OtlpSender(agent.address) as application:
            for value in range(50):
                application.point("during", "queue.length", float(value))
        agent.stop(signal.SIGKILL)
        detector.start()
        agent.start()
        eventually(lambda: len(detector.points) >= 50, "all points arrive")
        assert {value for _, _, value, _ in detector.points} == {float(value) for value in range(50)}


def test_backends_join_when_their_file_is_named_too(tmp_path: Path) -> None:
    with (
        OtlpReceiver() as detector,
        OtlpReceiver() as tempo,
        CollectorProcess(
            ["agent.yaml", "backends.yaml"],
            tmp_path,
            AEGISOPS_COLLECTOR_DETECTOR=detector.address,
            AEGISOPS_COLLECTOR_TEMPO=tempo.address,
            AEGISOPS_COLLECTOR_LOKI="http://127.0.0.1:9",  # away, and nobody is held up by it
        ) as agent,
        OtlpSender(agent.address) as application,
    ):
        application.log("shop", "a line")
        application.span("shop", trace_id=os.urandom(16), span_id=os.urandom(8))
        eventually(lambda: len(tempo.spans) == 1, "the span comes to Tempo")
        eventually(lambda: len(detector.spans) == len(detector.logs) == 1, "both come to the detector")


def test_a_recording_has_all_three_signals_masked(tmp_path: Path) -> None:
    recording = tmp_path / "telemetry.jsonl"
    with (
        OtlpReceiver() as detector,
        CollectorProcess(
            ["agent.yaml", "record.yaml"],
            tmp_path,
            AEGISOPS_COLLECTOR_DETECTOR=detector.address,
            AEGISOPS_COLLECTOR_RECORDING=str(recording),
        ) as agent,
        OtlpSender(agent.address) as application,
    ):
        application.point("shop", "queue.length", 1.0)
        application.log("shop", "password=hunter2")
        application.span("shop", trace_id=os.urandom(16), span_id=os.urandom(8))

        def signals() -> set[str]:
            text = recording.read_text() if recording.exists() else ""
            whole = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
            return {key for line in whole for key in json.loads(line)}

        wanted = {"resourceMetrics", "resourceLogs", "resourceSpans"}
        eventually(lambda: signals() == wanted, "all three are in the file")
        assert "hunter2" not in recording.read_text()


def test_the_machine_itself_is_told_of_when_its_file_is_named_too(tmp_path: Path) -> None:
    with (
        OtlpReceiver() as detector,
        CollectorProcess(
            ["agent.yaml", "host.yaml"],
            tmp_path,
            AEGISOPS_COLLECTOR_DETECTOR=detector.address,
            AEGISOPS_COLLECTOR_HOST_NAME="machine-7",
        ),
    ):
        wanted = {"system.cpu.utilization", "system.memory.utilization"}
        eventually(
            lambda: wanted <= {name for _, name, *_ in detector.points}, "the machine's metrics arrive"
        )
        resources = [resource for resource, *_ in detector.points]
        assert {(one["service.name"], one["host.name"]) for one in resources} == {("host", "machine-7")}
