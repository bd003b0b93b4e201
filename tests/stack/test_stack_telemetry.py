"""What a real run tells of itself is what the registries say, all of it and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from otlp_sink import OtlpSink
from running_stack import free_ports, warm_stack
from scripted_llm import answer, scripted_server

from aegisops.demo.report import FaultResult
from aegisops.demo.watch import wait_until
from detector.hosting.registry import Attribute, Metric
from detector.report.telemetry_registry import REGISTRY as DETECTOR
from responder.incident_record import ActionKind
from responder.telemetry_registry import MOVED
from responder.telemetry_registry import REGISTRY as RESPONDER

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NOT_IN_EVERY_RUN = {
    "aegisops.responder.errors": "nothing fails that would have to be outlived",
    "aegisops.evidence.low": "a full disk makes nothing too low",
    "aegisops.signal.time_to_limit": "the trend to the limit may be over before metrics are exported",
}
OURS = ("aegisops.", "gen_ai.")
REGISTRIES = {DETECTOR.scope: DETECTOR, RESPONDER.scope: RESPONDER}
METRICS = {metric.name: metric for registry in REGISTRIES.values() for metric in registry.metrics}

LOOK = answer(look_further=[{"tool": "series", "argument": ""}])
CHANNELS = """
version: 1
channels:
  - {name: log, log: true}
  - {name: gone, url_from: GONE_URL}
"""


@dataclass(frozen=True)
class Run:
    """One incident with a wrong first action, models that are asked and a channel that cannot be reached."""

    result: FaultResult
    sink: OtlpSink
    scraped: dict[str, str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    directory, sink = tmp_path_factory.mktemp("told"), OtlpSink()
    channels = directory / "channels.yaml"
    channels.write_text(CHANNELS)
    with pytest.MonkeyPatch.context() as environment, scripted_server(LOOK, answer()) as models:
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "AEGISOPS_RESPONDER_FORCE_FIRST_ACTION": ActionKind.SCALE_UP,
            "AEGISOPS_RESPONDER_NOTIFICATIONS": str(channels),
            "AEGISOPS_RESPONDER_COUNCIL_MODEL_MEMBERS": "all",
            "GONE_URL": f"json://127.0.0.1:{free_ports(1)[0]}/",
            "DIAGNOSIS_PROVIDERS": "ollama,offline",
            "OLLAMA_BASE_URL": models.url,
        }.items():
            environment.setenv(name, value)
        with warm_stack(directory / "stack") as running:
            (result,) = running.demo.run(["disk_space"])
            settings = running.stack.settings
            urls = (settings.detector_url, settings.responder_url)
            scraped = {url: httpx.get(f"{url}/metrics", trust_env=False).text for url in urls}
            wait_until(
                lambda: any(one.name == "learn" for one in sink.spans), 15, lambda: "no end was exported"
            )
    yield Run(result, sink, scraped)
    sink.stop()


def names(attributes: Iterable[Attribute]) -> set[str]:
    return {one.name for one in attributes}


def test_every_metric_that_was_exported_is_in_the_registry(run: Run) -> None:
    ours = {(point.name, point.unit) for point in run.sink.points if point.name.startswith(OURS)}
    assert ours <= {(metric.name, metric.unit) for metric in METRICS.values()}


def test_every_metric_of_the_registry_was_exported(run: Run) -> None:
    missing = METRICS.keys() - {point.name for point in run.sink.points}
    assert missing - NOT_IN_EVERY_RUN.keys() == set()


def test_metrics_have_the_attributes_and_values_of_the_registry(run: Run) -> None:
    faults = set()
    for point in run.sink.points:
        if (metric := METRICS.get(point.name)) is not None:
            faults |= set(undeclared(metric, point.attributes))
    assert faults == set()


def undeclared(metric: Metric, attributes: dict[str, object]) -> Iterator[str]:
    declared = {one.name: one for one in metric.attributes}
    for name, value in attributes.items():
        if name not in declared:
            yield f"{metric.name} has {name}"
        elif declared[name].values and value not in declared[name].values:
            yield f"{metric.name} has {name}={value}"


def test_spans_and_their_events_are_those_of_the_registry(run: Run) -> None:
    kinds = {(kind.name, bool(kind.variable)): kind for one in REGISTRIES.values() for kind in one.spans}
    seen, faults = set(), set()
    for span in run.sink.spans:
        head, _, rest = span.name.partition(" ")
        kind = kinds.get((head, bool(rest)))
        if kind is None:
            continue  # of a library: HTTP calls that came in
        seen.add(kind.name)
        faults |= {f"{span.name} has {name}" for name in span.attributes.keys() - names(kind.attributes)}
        declared = {event.name: names(event.attributes) for event in kind.events}
        for event in span.events:
            faults |= {
                f"{span.name} {event.name} has {n}" for n in event.attributes.keys() - declared[event.name]
            }
    assert faults == set()
    assert seen == {kind.name for kind in kinds.values()}


def test_log_events_are_those_of_the_registry_and_belong_to_the_incidents_trace(run: Run) -> None:
    known = {event.name: event for one in REGISTRIES.values() for event in one.events}
    told = [record for record in run.sink.logs if record.event]
    assert {record.event for record in told} == known.keys()
    for record in told:
        ours = {name for name in record.attributes if name.startswith(OURS)}
        assert ours <= names(known[record.event].attributes)
        assert record.trace_id == run.result.trace_id
    moved = [record.attributes for record in told if record.event == MOVED.name]
    assert moved[0]["aegisops.state"] == "RECEIVED"
    assert moved[-1]["aegisops.state"] == "RESOLVED"
    assert moved[-1]["aegisops.diagnosis.root_cause"]


def test_latencies_lead_to_the_trace_of_the_incident(run: Run) -> None:
    for name in (
        "aegisops.detector.time_to_detect",
        "aegisops.responder.time_to_resolve",
        "aegisops.responder.state.duration",
        "gen_ai.client.operation.duration",
    ):
        led_to = {trace for point in run.sink.points if point.name == name for trace in point.exemplars}
        assert led_to == {run.result.trace_id}, name


def test_both_processes_say_who_they_are(run: Run) -> None:
    identities = {
        (
            span.resource["service.namespace"],
            span.resource["service.name"],
            bool(span.resource["service.instance.id"]) and bool(span.resource["service.version"]),
        )
        for span in run.sink.spans
    }
    assert identities == {
        ("aegisops", "aegisops-detector", True),
        ("aegisops", "aegisops-responder", True),
    }


def test_prometheus_can_fetch_the_same(run: Run) -> None:
    detector, responder = run.scraped.values()
    assert (
        'aegisops_detector_time_to_detect_seconds_count{aegisops_incident_type="disk_space"} 1.0' in detector
    )
    assert "aegisops_responder_incidents_total{" in responder
    assert "process_memory_usage_bytes" in responder
    assert "http_server_request_duration_seconds_bucket" in responder
