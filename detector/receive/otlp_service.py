"""The three services of OTLP, whichever transport they are called by: their messages and their answers."""

from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from detector.receive.intake import Signal

ExportResponse = ExportMetricsServiceResponse | ExportLogsServiceResponse | ExportTraceServiceResponse


@dataclass(frozen=True, slots=True)
class OtlpService:
    """`name`: in full, as gRPC calls it. `answer(rejected, message)`: a full success where `message` is
    empty, and a partial one where it says why that many records were rejected."""

    name: str
    signal: Signal
    request: type[ExportMetricsServiceRequest | ExportLogsServiceRequest | ExportTraceServiceRequest]
    answer: Callable[[int, str], ExportResponse]


def _metrics_answer(rejected: int, message: str) -> ExportResponse:
    answer = ExportMetricsServiceResponse()
    if message:
        answer.partial_success.rejected_data_points = rejected
        answer.partial_success.error_message = message
    return answer


def _logs_answer(rejected: int, message: str) -> ExportResponse:
    answer = ExportLogsServiceResponse()
    if message:
        answer.partial_success.rejected_log_records = rejected
        answer.partial_success.error_message = message
    return answer


def _traces_answer(rejected: int, message: str) -> ExportResponse:
    answer = ExportTraceServiceResponse()
    if message:
        answer.partial_success.rejected_spans = rejected
        answer.partial_success.error_message = message
    return answer


_PROTO = "opentelemetry.proto.collector"
SERVICES = (
    OtlpService(
        f"{_PROTO}.metrics.v1.MetricsService", Signal.METRICS, ExportMetricsServiceRequest, _metrics_answer
    ),
    OtlpService(f"{_PROTO}.logs.v1.LogsService", Signal.LOGS, ExportLogsServiceRequest, _logs_answer),
    OtlpService(f"{_PROTO}.trace.v1.TraceService", Signal.TRACES, ExportTraceServiceRequest, _traces_answer),
)
