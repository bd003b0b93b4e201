"""The OTLP/gRPC server: the Export calls of the metrics, logs and trace services."""

import errno
import logging
import socket
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from typing import NamedTuple

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
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

from detector.receive.intake import Intake, OtlpRequest, Signal
from detector.receive.unusable import Reasons, unusable

log = logging.getLogger(__name__)

ExportResponse = ExportMetricsServiceResponse | ExportLogsServiceResponse | ExportTraceServiceResponse

STATUS_DETAILS_KEY = "grpc-status-details-bin"
RETRY_INFO_KEY = "google.rpc.retryinfo-bin"  # some senders look for it here alone
PORT_SETTING = "AEGISOPS_DETECTOR_OTLP_PORT"
HOST_SETTING = "AEGISOPS_DETECTOR_HOST"


class ListenError(Exception):
    """The server cannot listen on its address; the message says which and what to set."""


class AddressInUse(ListenError):  # noqa: N818  # named as the operating system names it
    """Another process listens on the address."""


@dataclass(frozen=True, slots=True)
class ReceiveLimits:
    """Bounds of the server.

    `max_message_bytes`: the largest request, unpacked; larger ones are refused with RESOURCE_EXHAUSTED.
    `judged_within_s`: a request that waited so long is given back to its sender; `longest_judgement_s`: how
    long the judgement of a single one may take. `retry_after_s`: what a sender is told to wait when there is
    no room. `spare_threads`: those beyond one for each request that may wait: they parse, and refuse.
    `max_calls` in progress, and `max_calls_each` on one connection: further ones of a connection wait at
    their sender, further ones in all are refused by gRPC itself, without RetryInfo. `keepalive_s`: a
    connection that is silent for so long is probed, and dropped when it does not answer.
    """

    max_message_bytes: int = 16 * 1024 * 1024
    judged_within_s: float = 2.0
    longest_judgement_s: float = 30.0
    retry_after_s: float = 1.0
    spare_threads: int = 4
    max_calls: int = 4096
    max_calls_each: int = 128
    keepalive_s: float = 60.0
    keepalive_timeout_s: float = 20.0


class _AbortStatus(NamedTuple):
    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


class _GrpcStatus(_AbortStatus, grpc.Status):  # type: ignore[misc]  # grpc ships no types
    """A status with details, as `ServicerContext.abort_with_status` wants it."""


@dataclass(frozen=True, slots=True)
class _Service:
    """One of the three services: its full name and how its messages are read and answered."""

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
_SERVICES = (
    _Service(
        f"{_PROTO}.metrics.v1.MetricsService", Signal.METRICS, ExportMetricsServiceRequest, _metrics_answer
    ),
    _Service(f"{_PROTO}.logs.v1.LogsService", Signal.LOGS, ExportLogsServiceRequest, _logs_answer),
    _Service(f"{_PROTO}.trace.v1.TraceService", Signal.TRACES, ExportTraceServiceRequest, _traces_answer),
)


class OtlpGrpcServer:
    """Receives OTLP, and answers when it was judged.

    OK means that the judgement of the request has ended: what waits here belongs to its sender still, who
    sends it again if this process dies. A full intake, and a wait that was too long, are answered
    RESOURCE_EXHAUSTED with google.rpc.RetryInfo, so that the sender keeps its data and comes again; bytes
    that do not parse INVALID_ARGUMENT, and a judgement that failed INTERNAL, which senders do not repeat.
    Records that can never be used are counted in partial success (see `detector.receive.unusable`);
    normalise skips them. `clock`: seconds since the epoch. Counters `malformed` (requests) and `rejected`
    (records).
    """

    def __init__(
        self, host: str, port: int, intake: Intake, limits: ReceiveLimits, clock: Callable[[], float]
    ) -> None:
        if limits.max_message_bytes > intake.max_bytes:
            raise ValueError(
                f"the intake holds {intake.max_bytes} bytes, less than one message may have "
                f"({limits.max_message_bytes}); raise the former or lower the latter"
            )
        self.malformed = 0
        self.rejected = 0
        self._host = host
        self._port = port
        self._intake = intake
        self._limits = limits
        self._clock = clock
        self._server: grpc.Server | None = None
        self._pool: futures.ThreadPoolExecutor | None = None

    def start(self) -> int:
        """Listen; the bound port (the one asked for, or the one found for port 0). Raises ListenError."""
        _require_free(self._host, self._port)
        limits = self._limits
        threads = self._intake.max_requests + limits.spare_threads
        pool = futures.ThreadPoolExecutor(threads, thread_name_prefix="otlp-grpc")
        server = grpc.server(
            pool,
            maximum_concurrent_rpcs=limits.max_calls,
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_concurrent_streams", limits.max_calls_each),
                ("grpc.max_receive_message_length", limits.max_message_bytes),
                ("grpc.keepalive_time_ms", int(limits.keepalive_s * 1000)),
                ("grpc.keepalive_timeout_ms", int(limits.keepalive_timeout_s * 1000)),
                ("grpc.http2.min_ping_interval_without_data_ms", 5000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        server.add_generic_rpc_handlers(tuple(self._handlers(service) for service in _SERVICES))
        try:
            port = server.add_insecure_port(f"{_bracketed(self._host)}:{self._port}")
        except RuntimeError as refused:
            pool.shutdown(wait=False)
            raise AddressInUse(_in_use(self._host, self._port)) from refused
        server.start()
        self._server, self._pool = server, pool
        return int(port)

    def stop(self, grace_s: float) -> None:
        """Take no new call, finish those in progress within `grace_s` seconds, then return.

        What was not judged by then is left to its senders. May be called twice, or without `start`.
        """
        server, pool = self._server, self._pool
        self._server = self._pool = None
        if server is not None and pool is not None:
            server.stop(grace_s).wait()
            pool.shutdown(wait=True)

    def _handlers(self, service: _Service) -> grpc.GenericRpcHandler:
        def export(body: bytes, context: grpc.ServicerContext) -> ExportResponse:
            return self._export(service, body, context)

        # No request_deserializer: gRPC would answer INTERNAL and log a traceback for bytes that do not parse.
        handler = grpc.unary_unary_rpc_method_handler(
            export,
            request_deserializer=None,
            response_serializer=service.answer(0, "").__class__.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(service.name, {"Export": handler})

    def _export(self, service: _Service, body: bytes, context: grpc.ServicerContext) -> ExportResponse:
        received_at = self._clock()
        try:
            message = service.request.FromString(body)
        except DecodeError:
            self.malformed += 1
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"the body ({len(body)} bytes) is not a {service.request.DESCRIPTOR.full_name}",
            )
        reasons = unusable(message)
        self._have_judged(OtlpRequest(service.signal, message, received_at, len(body)), context)
        if not reasons:
            return service.answer(0, "")
        self.rejected += reasons.total()
        return service.answer(reasons.total(), _in_words(reasons))

    def _have_judged(self, request: OtlpRequest, context: grpc.ServicerContext) -> None:
        """Returns once `request` was judged; ends the call with an error where it was not."""
        limits = self._limits
        if not self._intake.offer(request):
            context.abort_with_status(_full(limits.retry_after_s))
        left = context.time_remaining()
        patience = limits.judged_within_s if left is None else min(limits.judged_within_s, left / 2)
        if not _ends_within(patience, request):
            if self._intake.withdraw(request):
                context.abort_with_status(_full(limits.retry_after_s))
            if not _ends_within(limits.longest_judgement_s, request):
                context.abort(grpc.StatusCode.UNAVAILABLE, "the judgement of this request does not end")
        if request.judged.exception() is not None:
            context.abort(
                grpc.StatusCode.INTERNAL, "the judgement of this request failed; the detector's log says why"
            )


def _ends_within(seconds: float, request: OtlpRequest) -> bool:
    return bool(futures.wait([request.judged], seconds).done)


def _in_words(reasons: Reasons) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common())


def _full(retry_after_s: float) -> _GrpcStatus:
    details = "the detector has more telemetry waiting than it may hold; send this again later"
    seconds = int(retry_after_s)
    retry = RetryInfo(retry_delay=Duration(seconds=seconds, nanos=int((retry_after_s - seconds) * 1e9)))
    packed = Any()
    packed.Pack(retry)
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    status = Status(code=code.value[0], message=details, details=[packed])
    metadata = (
        (STATUS_DETAILS_KEY, status.SerializeToString()),
        (RETRY_INFO_KEY, retry.SerializeToString()),
    )
    return _GrpcStatus(code, details, metadata)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _in_use(host: str, port: int) -> str:
    return (
        f"OTLP port {host}:{port} is taken by another process: stop that process, "
        f"or set {PORT_SETTING} to a free port"
    )


def _require_free(host: str, port: int) -> None:
    """Raise a ListenError that says what to set, where gRPC would only say that it failed."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(_in_use(host, port)) from error
        raise ListenError(
            f"cannot listen for OTLP on {host}:{port} ({error.strerror}): set {HOST_SETTING} to an address "
            f"of this machine and {PORT_SETTING} to a port this user may use"
        ) from error
