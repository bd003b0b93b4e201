"""The detector as it is run: a process, fed by a real SDK over gRPC, reporting over HTTP."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import grpc
import httpx
import pytest
from detector_process import DetectorProcess, IncidentListener
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pydantic import TypeAdapter
from sample_service import SampleService
from willing_worker import WillingWorker

from detector.incident import Incident, Recovery
from detector.receive import Intake, OtlpGrpcServer, OtlpRequest, ReceiveLimits, Reception
from detector.report.telemetry_registry import INCIDENTS_OPENED, REGISTRY

pytestmark = pytest.mark.e2e

QUICK = {"AEGISOPS_DETECTOR_WARM_UP_SAMPLES": "10", "AEGISOPS_DETECTOR_CLOSING_S": "2"}

EXPORT_SERVICES = (
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "opentelemetry.proto.collector.logs.v1.LogsService",
    "opentelemetry.proto.collector.trace.v1.TraceService",
)


class Collector:
    """Takes what the detector says about itself."""

    def __init__(self) -> None:
        intake = Intake(100, 2**28)
        self._worker = WillingWorker(intake)
        self._server = OtlpGrpcServer("127.0.0.1", 0, Reception(intake, ReceiveLimits(), time.time))
        self.endpoint = f"http://127.0.0.1:{self._server.start()}"

    def everything(self) -> list[OtlpRequest]:
        return self._worker.everything()

    def close(self) -> None:
        self._server.stop(1)
        self._worker.stop()


@pytest.fixture
def at_the_end() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def detector(at_the_end: ExitStack) -> Callable[..., DetectorProcess]:
    def start(**variables: str) -> DetectorProcess:
        process = DetectorProcess(**variables)
        at_the_end.callback(process.stop)
        return process

    return start


def wait_for(ask: Callable[[], Any], timeout_s: float = 40) -> Any:
    until = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.05)
    return answer


def service_of(queries: str, name: str) -> dict[str, Any] | None:
    services = httpx.get(f"{queries}/services").json()
    return next((service for service in services if service["service"] == name), None)


def test_a_slow_dependency_is_reported_with_its_trace_and_its_end_is_seen(
    detector: Callable[..., DetectorProcess], at_the_end: ExitStack
) -> None:
    listener = at_the_end.enter_context(closing(IncidentListener()))
    collector = at_the_end.enter_context(closing(Collector()))
    process = detector(
        AEGISOPS_DETECTOR_REPORT_URL=listener.url,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
        OTEL_METRIC_EXPORT_INTERVAL="500",
        **QUICK,
    )
    otlp_port, queries = process.wait_ready()
    service = at_the_end.enter_context(closing(SampleService("basket", otlp_port)))
    wait_for(lambda: (seen := service_of(queries, "basket")) and seen["warm"])
    assert httpx.get(f"{queries}/incidents").json() == []

    listener.open = False  # down when the incident opens, back later
    service.latency_s = 1.2
    wait_for(lambda: httpx.get(f"{queries}/incidents?state=open").json())
    listener.open = True
    body, headers = listener.wait_for(lambda incident: incident["service"] == "basket")

    incident = TypeAdapter(Incident).validate_python(body)
    assert incident.type == "network_latency"
    assert incident.evidence
    assert headers["traceparent"] == incident.traceparent
    assert TypeAdapter(Incident).validate_json(httpx.get(f"{queries}/incidents/{incident.id}").content)
    assert not recovery_of(queries, incident.id).normal

    service.latency_s = 0.02
    wait_for(lambda: recovery_of(queries, incident.id).normal_for_s > 0)
    listener.wait_for(lambda report: report["id"] == incident.id and report["state"] == "closed")

    service.close()
    assert process.stop() == 0
    assert "Traceback" not in process.log
    told = collector.everything()
    (detect,) = [span for span in spans(told) if span.name == "detect"]
    assert detect.trace_id.hex() == incident.trace_id
    assert {INCIDENTS_OPENED.name} <= metric_names(told) <= {metric.name for metric in REGISTRY.metrics}


def recovery_of(queries: str, incident_id: str) -> Recovery:
    answer = httpx.get(f"{queries}/incidents/{incident_id}/recovery")
    return TypeAdapter(Recovery).validate_json(answer.content)


def spans(requests: list[OtlpRequest]) -> list[Span]:
    messages = [r.message for r in requests if isinstance(r.message, ExportTraceServiceRequest)]
    return [
        span
        for message in messages
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def metric_names(requests: list[OtlpRequest]) -> set[str]:
    messages = [r.message for r in requests if isinstance(r.message, ExportMetricsServiceRequest)]
    return {
        metric.name
        for message in messages
        for resource in message.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name.startswith("aegisops.")
    }


def test_a_burst_of_errors_opens_an_incident_with_logs_and_traces_as_examples(
    detector: Callable[..., DetectorProcess], at_the_end: ExitStack
) -> None:
    listener = at_the_end.enter_context(closing(IncidentListener()))
    process = detector(AEGISOPS_DETECTOR_REPORT_URL=listener.url, **QUICK)
    otlp_port, queries = process.wait_ready()
    service = at_the_end.enter_context(closing(SampleService("basket", otlp_port)))
    wait_for(lambda: (seen := service_of(queries, "basket")) and seen["warm"])

    service.failing = True
    listener.wait_for(lambda body: any("could not be read" in str(e["log_lines"]) for e in body["evidence"]))
    listener.wait_for(lambda body: any(e["trace_ids"] for e in body["evidence"]))


def test_bytes_that_are_not_otlp_are_told_so_and_harm_nobody(
    detector: Callable[..., DetectorProcess],
) -> None:
    process = detector()
    otlp_port, queries = process.wait_ready()
    with grpc.insecure_channel(f"127.0.0.1:{otlp_port}") as channel:
        for name in EXPORT_SERVICES:
            export = channel.unary_unary(f"/{name}/Export")
            with pytest.raises(grpc.RpcError) as refused:
                export(b"\xff\xff\xff not protobuf", timeout=10)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            export(b"", timeout=10)
    stats = wait_for(lambda: (s := httpx.get(f"{queries}/stats").json())["queued"] == 0 and s)
    assert (stats["unparsable"], stats["requests"], stats["failures"]) == (3, 3, 0)
    assert httpx.get(f"{queries}/ready").status_code == 200
    assert process.stop() == 0
    assert "Traceback" not in process.log
