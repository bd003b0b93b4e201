"""An application's side of OTLP for these tests: one point, log line or span at a time."""

import time
from typing import Self

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Value = str | int | list[str]

_TIMEOUT_S = 20.0


def _any(value: Value) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=one) for one in value]))
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)


def _attributes(values: dict[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_any(value)) for name, value in values.items()]


class OtlpSender:
    """Sends over gRPC; every call returns once the other side has answered that it took it."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._metrics = MetricsServiceStub(self._channel)
        self._logs = LogsServiceStub(self._channel)
        self._traces = TraceServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def point(self, service: str, name: str, value: float, **resource: Value) -> None:
        request = ExportMetricsServiceRequest()
        group = request.resource_metrics.add()
        group.resource.attributes.extend(_attributes(_resource(service, resource)))
        metric = group.scope_metrics.add().metrics.add(name=name, unit="1")
        metric.gauge.data_points.add(as_double=value, time_unix_nano=time.time_ns())
        self._metrics.Export(request, timeout=_TIMEOUT_S)

    def log(self, service: str, body: str, **resource: Value) -> None:
        request = ExportLogsServiceRequest()
        group = request.resource_logs.add()
        group.resource.attributes.extend(_attributes(_resource(service, resource)))
        record = group.scope_logs.add().log_records.add(severity_number=9, time_unix_nano=time.time_ns())
        record.body.string_value = body
        self._logs.Export(request, timeout=_TIMEOUT_S)

    def span(
        self,
        service: str,
        *,
        span_id: bytes,
        trace_id: bytes,
        parent_id: bytes = b"",
        kind: Span.SpanKind = Span.SPAN_KIND_SERVER,
        status: str = "",
        attributes: dict[str, Value] | None = None,
        **resource: Value,
    ) -> None:
        """A span that lasted 10 ms until now; with a `status`, one that failed."""
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        group.resource.attributes.extend(_attributes(_resource(service, resource)))
        now = time.time_ns()
        group.scope_spans.add().spans.add(
            name="GET /orders",
            trace_id=trace_id,
            span_id=span_id,
            parent_span_id=parent_id,
            kind=kind,
            start_time_unix_nano=now - 10_000_000,
            end_time_unix_nano=now,
            status=Status(code=Status.STATUS_CODE_ERROR, message=status) if status else Status(),
            attributes=_attributes(attributes or {}),
        )
        self._traces.Export(request, timeout=_TIMEOUT_S)


def _resource(service: str, rest: dict[str, Value]) -> dict[str, Value]:
    return {"service.name": service} | {name.replace("__", "."): value for name, value in rest.items()}
