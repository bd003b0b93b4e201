"""A tiny OTLP gRPC receiver that keeps what it is sent, for tests."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True)
class Point:
    """One number (or a histogram's count) of a metric. `exemplars`: the traces that they lead to."""

    name: str
    unit: str
    value: float
    attributes: dict[str, Any]
    resource: dict[str, Any]
    exemplars: tuple[str, ...] = ()


@dataclass(frozen=True)
class LogRecord:
    severity: int
    body: str
    trace_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    event: str = ""


@dataclass(frozen=True)
class Event:
    """An event on a span."""

    name: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Span:
    name: str
    kind: int
    seconds: float
    status: int
    trace_id: str
    attributes: dict[str, Any]
    span_id: str
    parent_id: str
    resource: dict[str, Any]
    events: tuple[Event, ...] = ()
    linked: tuple[str, ...] = ()


@dataclass
class OtlpSink:
    """Points, logs and spans received so far, the latter also as sent.

    `endpoint` is for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    """

    points: list[Point] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    trace_requests: list[trace_service_pb2.ExportTraceServiceRequest] = field(default_factory=list)
    endpoint: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(3))
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(self), self._server)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(_Logs(self), self._server)
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(self), self._server)
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def latest(self, name: str, **attributes: str) -> float | None:
        """The newest value of a metric whose attributes (dots as underscores) contain these."""
        wanted = attributes.items()
        for point in reversed(self.points):
            have = {key.replace(".", "_"): value for key, value in point.attributes.items()}
            if point.name == name and wanted <= have.items():
                return point.value
        return None


def _attributes(items: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value") or "string_value") for item in items}


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, sink: OtlpSink) -> None:
        self.sink = sink

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the service
        for group in request.resource_metrics:
            resource = _attributes(group.resource.attributes)
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    for point in getattr(metric, metric.WhichOneof("data")).data_points:
                        kind = point.WhichOneof("value") if hasattr(point, "as_double") else "count"
                        value = float(getattr(point, kind or "count"))
                        exemplars = tuple(one.trace_id.hex() for one in point.exemplars)
                        attributes = _attributes(point.attributes)
                        self.sink.points.append(
                            Point(metric.name, metric.unit, value, attributes, resource, exemplars)
                        )
        return metrics_service_pb2.ExportMetricsServiceResponse()


class _Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, sink: OtlpSink) -> None:
        self.sink = sink

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the service
        for group in request.resource_logs:
            resource = _attributes(group.resource.attributes)
            for scope in group.scope_logs:
                for record in scope.log_records:
                    self.sink.logs.append(
                        LogRecord(
                            record.severity_number,
                            record.body.string_value,
                            record.trace_id.hex(),
                            _attributes(record.attributes),
                            resource,
                            record.event_name,
                        )
                    )
        return logs_service_pb2.ExportLogsServiceResponse()


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, sink: OtlpSink) -> None:
        self.sink = sink

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the service
        self.sink.trace_requests.append(request)
        for group in request.resource_spans:
            resource = _attributes(group.resource.attributes)
            for scope in group.scope_spans:
                for span in scope.spans:
                    seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                    self.sink.spans.append(
                        Span(
                            span.name,
                            span.kind,
                            seconds,
                            span.status.code,
                            span.trace_id.hex(),
                            _attributes(span.attributes),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            resource,
                            tuple(Event(one.name, _attributes(one.attributes)) for one in span.events),
                            tuple(link.trace_id.hex() for link in span.links),
                        )
                    )
        return trace_service_pb2.ExportTraceServiceResponse()
