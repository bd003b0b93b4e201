"""The OTLP/gRPC server: the Export calls of the metrics, logs and trace services."""

from collections.abc import Callable
from concurrent import futures
from typing import NamedTuple, NoReturn

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from detector.receive.credentials import WHAT_TO_SEND, BearerTokens, TlsFiles
from detector.receive.health_service import health_handler
from detector.receive.listening import in_use, require_free
from detector.receive.otlp_service import SERVICES, ExportResponse, OtlpService
from detector.receive.reception import MalformedError, NoRoomError, Reception, RefusedError, UnendingError

STATUS_DETAILS_KEY = "grpc-status-details-bin"
RETRY_INFO_KEY = "google.rpc.retryinfo-bin"  # some senders look for it here alone
PORT_SETTING = "AEGISOPS_DETECTOR_OTLP_PORT"


class _AbortStatus(NamedTuple):
    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


class _GrpcStatus(_AbortStatus, grpc.Status):  # type: ignore[misc]  # grpc ships no types
    """A status with details, as `ServicerContext.abort_with_status` wants it."""


class OtlpGrpcServer:
    """Receives OTLP by gRPC, and answers when it was judged (see `Reception`).

    A full intake, and a wait that was too long, are answered RESOURCE_EXHAUSTED with google.rpc.RetryInfo, so
    that the sender keeps its data and comes again. What senders do not repeat: bytes that do not parse are
    INVALID_ARGUMENT, a message above the limit (unpacked; gRPC stops unpacking there) RESOURCE_EXHAUSTED
    without RetryInfo, a judgement that failed INTERNAL, a call without one of `tokens`, where there are any,
    UNAUTHENTICATED. Where `tls` is given nothing is taken in the clear. `serving` is what the health service
    says, which asks for no token.
    """

    def __init__(
        self,
        host: str,
        port: int,
        reception: Reception,
        *,
        tokens: BearerTokens | None = None,
        tls: TlsFiles | None = None,
        serving: Callable[[], bool] = lambda: True,
    ) -> None:
        self._host = host
        self._port = port
        self._reception = reception
        self._tokens = tokens
        self._tls = tls
        self._serving = serving
        self._server: grpc.Server | None = None
        self._pool: futures.ThreadPoolExecutor | None = None

    def start(self) -> int:
        """Listen; the bound port (the one asked for, or the one found for port 0). Raises ListenError."""
        require_free(self._host, self._port, PORT_SETTING)
        limits = self._reception.limits
        pool = futures.ThreadPoolExecutor(self._reception.max_threads, thread_name_prefix="otlp-grpc")
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
        server.add_generic_rpc_handlers(
            (
                *(self._handlers(service) for service in SERVICES),
                health_handler({service.name for service in SERVICES}, self._serving),
            )
        )
        try:
            port = self._bind(server, f"{_bracketed(self._host)}:{self._port}")
        except RuntimeError as refused:
            pool.shutdown(wait=False)
            raise in_use(self._host, self._port, PORT_SETTING) from refused
        server.start()
        self._server, self._pool = server, pool
        return port

    def stop(self, grace_s: float) -> None:
        """Take no new call, finish those in progress within `grace_s` seconds, then return.

        What was not judged by then is left to its senders. May be called twice, or without `start`.
        """
        server, pool = self._server, self._pool
        self._server = self._pool = None
        if server is not None and pool is not None:
            server.stop(grace_s).wait()
            pool.shutdown(wait=True)

    def _bind(self, server: grpc.Server, address: str) -> int:
        if self._tls is None:
            return int(server.add_insecure_port(address))
        pair = (self._tls.key.read_bytes(), self._tls.certificate.read_bytes())
        return int(server.add_secure_port(address, grpc.ssl_server_credentials([pair])))

    def _handlers(self, service: OtlpService) -> grpc.GenericRpcHandler:
        def export(body: bytes, context: grpc.ServicerContext) -> ExportResponse:
            return self._export(service, body, context)

        # No request_deserializer: gRPC would answer INTERNAL and log a traceback for bytes that do not parse.
        handler = grpc.unary_unary_rpc_method_handler(
            export,
            request_deserializer=None,
            response_serializer=service.answer(0, "").__class__.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(service.name, {"Export": handler})

    def _export(self, service: OtlpService, body: bytes, context: grpc.ServicerContext) -> ExportResponse:
        if self._tokens is not None and not self._tokens.allow(_authorization(context)):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, WHAT_TO_SEND)
        try:
            return self._reception.receive(service, body, context.time_remaining())
        except RefusedError as refused:
            self._refuse(refused, context)

    def _refuse(self, refused: RefusedError, context: grpc.ServicerContext) -> NoReturn:
        match refused:
            case MalformedError():
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refused))
            case NoRoomError():
                context.abort_with_status(_come_again(str(refused), self._reception.limits.retry_after_s))
            case UnendingError():
                context.abort(grpc.StatusCode.UNAVAILABLE, str(refused))
            case _:
                context.abort(grpc.StatusCode.INTERNAL, str(refused))
        raise refused  # never: an abort raises


def _authorization(context: grpc.ServicerContext) -> str | None:
    shown = [value for key, value in context.invocation_metadata() if key == "authorization"]
    return shown[0] if len(shown) == 1 else None


def _come_again(details: str, retry_after_s: float) -> _GrpcStatus:
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
