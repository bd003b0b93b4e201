"""The detector's side of OTLP for these tests: it can be stopped, and started again at the same address."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Attributes = dict[str, Any]


def _value(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")


def attributes(items: Any) -> Attributes:
    """Attributes as they came, arrays as their protobuf."""
    pairs: list[KeyValue] = list(items)
    return {one.key: _value(one.value) for one in pairs}


class OtlpReceiver:
    """Keeps what it was sent, each with its resource: `points` as name, value and attributes."""

    def __init__(self) -> None:
        self.points: list[tuple[Attributes, str, float, Attributes]] = []
        self.logs: list[tuple[Attributes, LogRecord]] = []
        self.spans: list[tuple[Attributes, Span]] = []
        self._port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(3))
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(self), self._server)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(_Logs(self), self._server)
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(self), self._server)
        self._port = self._server.add_insecure_port(self.address)
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def services(self) -> set[str]:
        """Those of whom anything came."""
        resources = [resource for resource, *_ in self.points]
        resources += [resource for resource, _ in self.logs]
        resources += [resource for resource, _ in self.spans]
        return {resource["service.name"] for resource in resources}


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, receiver: OtlpReceiver) -> None:
        self.receiver = receiver

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the service
        for group in request.resource_metrics:
            resource = attributes(group.resource.attributes)
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.gauge.data_points:
                        self.receiver.points.append(
                            (resource, metric.name, point.as_double, attributes(point.attributes))
                        )
        return metrics_service_pb2.ExportMetricsServiceResponse()


class _Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, receiver: OtlpReceiver) -> None:
        self.receiver = receiver

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the service
        for group in request.resource_logs:
            resource = attributes(group.resource.attributes)
            for scope in group.scope_logs:
                self.receiver.logs.extend((resource, record) for record in scope.log_records)
        return logs_service_pb2.ExportLogsServiceResponse()


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, receiver: OtlpReceiver) -> None:
        self.receiver = receiver

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the service
        for group in request.resource_spans:
            resource = attributes(group.resource.attributes)
            for scope in group.scope_spans:
                self.receiver.spans.extend((resource, span) for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()
