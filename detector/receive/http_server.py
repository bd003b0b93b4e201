"""The OTLP/HTTP server: POST /v1/metrics, /v1/logs and /v1/traces, in protobuf and in JSON."""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from detector.hosting import HttpAddressError, HttpServer
from detector.receive.credentials import WHAT_TO_SEND, BearerTokens, TlsFiles
from detector.receive.http_body import (
    BudgetShare,
    ByteBudget,
    TooLargeError,
    TooSlowError,
    read_body,
    throw_away_body,
    unpack_gzip,
)
from detector.receive.intake import ExportRequest
from detector.receive.json_encoding import JsonError, read_json, write_json
from detector.receive.listening import in_use, require_free
from detector.receive.otlp_service import SERVICES, OtlpService
from detector.receive.reception import (
    MalformedError,
    NoRoomError,
    Reception,
    RefusedError,
    UnendingError,
    from_protobuf,
)

PORT_SETTING = "AEGISOPS_DETECTOR_OTLP_HTTP_PORT"
_PACKINGS = ("identity", "gzip")
_CODES = {
    HTTPStatus.UNAUTHORIZED: Code.UNAUTHENTICATED,
    HTTPStatus.REQUEST_TIMEOUT: Code.DEADLINE_EXCEEDED,
    HTTPStatus.INTERNAL_SERVER_ERROR: Code.INTERNAL,
    HTTPStatus.SERVICE_UNAVAILABLE: Code.UNAVAILABLE,
}


class _NotAdmittedError(Exception):
    """The request is refused by its head."""

    def __init__(self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How the body of a request is read and that of its answer written; `limit`: bytes, unpacked."""

    content_type: str
    limit: int
    parse: Callable[[OtlpService, bytes], ExportRequest]
    write: Callable[[Message], bytes]


class OtlpHttpServer:
    """Receives OTLP by HTTP, and answers when it was judged (see `Reception`), in the request's encoding.

    No room, and a wait that was too long, are answered 503 with Retry-After, so that the sender keeps its
    data and comes again. What senders do not repeat: 400 for what does not parse, 401 without one of
    `tokens`, where there are any, 413 for a body above the limit (as sent or unpacked), 415 for another
    encoding, 500 for a judgement that failed. All of these have a google.rpc.Status. Where `tls` is given
    nothing is taken in the clear.
    """

    def __init__(
        self,
        host: str,
        port: int,
        reception: Reception,
        *,
        tokens: BearerTokens | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        limits = reception.limits
        self._host = host
        self._port = port
        self._reception = reception
        self._tokens = tokens
        self._tls = tls
        # A body that came packed is held as it came and unpacked.
        self._budget = ByteBudget(max(reception.max_bytes, 2 * limits.max_message_bytes))
        self._one_json = threading.Lock()
        protobuf = _Encoding("application/x-protobuf", limits.max_message_bytes, from_protobuf, _to_protobuf)
        json_limit = min(limits.max_json_bytes, limits.max_message_bytes)
        as_json = _Encoding("application/json", json_limit, self._from_json, write_json)
        self._encodings = {each.content_type: each for each in (protobuf, as_json)}
        self._default = protobuf
        self._http: HttpServer | None = None
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> int:
        """Listen; the bound port (the one asked for, or the one found for port 0). Raises ListenError."""
        require_free(self._host, self._port, PORT_SETTING)
        try:
            http = HttpServer(self._host, self._port, "otlp-http")
        except HttpAddressError as error:
            raise in_use(self._host, self._port, PORT_SETTING) from error
        self._pool = ThreadPoolExecutor(self._reception.max_threads, thread_name_prefix="otlp-http")
        app = Starlette(
            routes=[Route(f"/v1/{each.signal}", self._endpoint(each), methods=["POST"]) for each in SERVICES]
        )
        pair = None if self._tls is None else (self._tls.certificate, self._tls.key)
        http.start(app, certificate_and_key=pair, max_connections=self._reception.limits.max_calls)
        self._http = http
        return http.port

    def stop(self, grace_s: float) -> None:
        """Take no new request, finish those in progress within `grace_s` seconds, then return.

        What was not judged by then is left to its senders. May be called twice, or without `start`.
        """
        http, pool = self._http, self._pool
        self._http = self._pool = None
        if http is not None:
            http.stop(grace_s)
        if pool is not None:
            pool.shutdown(wait=True)

    def _endpoint(self, service: OtlpService) -> Callable[[Request], Awaitable[Response]]:
        async def export(request: Request) -> Response:
            return await self._export(service, request)

        return export

    async def _export(self, service: OtlpService, request: Request) -> Response:
        limits = self._reception.limits
        encoding = self._encodings.get(_media_type(request), self._default)
        try:
            self._admit(request)
        except _NotAdmittedError as refused:
            await throw_away_body(request, limits.body_within_s)
            return _error(refused.status, str(refused), encoding, refused.headers)
        with self._budget.share() as share:
            try:
                body = await read_body(request, encoding.limit, limits.body_within_s, share)
                answer = await asyncio.get_running_loop().run_in_executor(
                    self._pool, self._answer, service, encoding, body, _packing(request) == "gzip", share
                )
            except ClientDisconnect:
                return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
            except (RefusedError, TooLargeError, TooSlowError) as refused:
                return self._refusal(refused, encoding)
        return Response(answer, media_type=encoding.content_type)

    def _admit(self, request: Request) -> None:
        if self._tokens is not None and not self._tokens.allow(_authorization(request)):
            raise _NotAdmittedError(HTTPStatus.UNAUTHORIZED, WHAT_TO_SEND, {"www-authenticate": "Bearer"})
        if _media_type(request) not in self._encodings:
            wanted = " or ".join(self._encodings)
            raise _NotAdmittedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {wanted} as content-type")
        if _packing(request) not in _PACKINGS:
            raise _NotAdmittedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send gzip or no content-encoding")

    def _answer(
        self, service: OtlpService, encoding: _Encoding, body: bytes, packed: bool, share: BudgetShare
    ) -> bytes:
        """On a thread of the pool."""
        if packed:
            try:
                body = unpack_gzip(body, encoding.limit, share)
            except MalformedError:
                self._reception.malformed += 1
                raise
        return encoding.write(self._reception.receive(service, body, parse=encoding.parse))

    def _from_json(self, service: OtlpService, body: bytes) -> ExportRequest:
        message = service.request()
        with self._one_json:  # parsed, its text takes ten times its size and more
            try:
                read_json(body, message)
            except JsonError as error:
                raise MalformedError(str(error)) from error
        return message

    def _refusal(self, refused: Exception, encoding: _Encoding) -> Response:
        later = {"retry-after": str(math.ceil(self._reception.limits.retry_after_s))}
        match refused:
            case MalformedError():
                return _error(HTTPStatus.BAD_REQUEST, str(refused), encoding)
            case NoRoomError() | UnendingError():
                return _error(HTTPStatus.SERVICE_UNAVAILABLE, str(refused), encoding, later)
            case TooLargeError():
                message = f"send at most {encoding.limit} bytes, unpacked, at a time"
                return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, encoding)
            case TooSlowError():
                return _error(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time", encoding)
        return _error(HTTPStatus.INTERNAL_SERVER_ERROR, str(refused), encoding)


def _to_protobuf(message: Message) -> bytes:
    return message.SerializeToString()


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _packing(request: Request) -> str:
    return request.headers.get("content-encoding", "identity").strip().lower()


def _authorization(request: Request) -> str | None:
    shown = request.headers.getlist("authorization")
    return shown[0] if len(shown) == 1 else None


def _error(
    status: HTTPStatus, message: str, encoding: _Encoding, headers: Mapping[str, str] | None = None
) -> Response:
    body = encoding.write(Status(code=_CODES.get(status, Code.INVALID_ARGUMENT), message=message))
    return Response(body, status, headers, encoding.content_type)
