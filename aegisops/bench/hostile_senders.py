"""Sends hostile requests with honest ones in between, and counts the answers."""

import http.client
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import grpc

from aegisops.bench.delivery_points import Points
from aegisops.bench.hostile_requests import PROTOBUF, HostileRequest, HostileRequests

_SERVICES = {
    "metrics": "metrics.v1.MetricsService",
    "logs": "logs.v1.LogsService",
    "traces": "trace.v1.TraceService",
}
_CALL_S = 60.0
_AGAIN_S = 0.2
_CAUGHT_BY_GRPC = {"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}
_CAUGHT_BY_HTTP = {"200", "400", "408", "413", "415", "431", "503"}


class Transport(Protocol):
    """One connection. An answer is a code of gRPC or HTTP, or what broke the connection."""

    caught: set[str]

    def export(self, request: HostileRequest) -> str:
        """The answer to it."""

    def taken(self, body: bytes) -> bool:
        """Whether an honest request was; False: not now. Raises RuntimeError when it never will be."""

    def close(self) -> None:
        """End the connection."""


class GrpcTransport:
    """A channel of its own."""

    caught = _CAUGHT_BY_GRPC

    def __init__(self, address: str) -> None:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        self._channel = grpc.insecure_channel(address, options)
        self._calls = {
            signal: self._channel.unary_unary(f"/opentelemetry.proto.collector.{name}/Export")
            for signal, name in _SERVICES.items()
        }

    def export(self, request: HostileRequest) -> str:
        """The name of the code."""
        packing = grpc.Compression.Gzip if request.to_pack else None
        try:
            self._calls[request.signal](request.body, timeout=_CALL_S, compression=packing)
        except grpc.RpcError as refused:
            return str(refused.code().name)
        return "OK"

    def taken(self, body: bytes) -> bool:
        """As the protocol says."""
        code = self.export(HostileRequest("honest", "metrics", body))
        if code not in ("OK", "RESOURCE_EXHAUSTED", "UNAVAILABLE"):
            raise RuntimeError(f"an honest request was refused with {code}")
        return code == "OK"

    def close(self) -> None:
        """As the protocol says."""
        self._channel.close()


class HttpTransport:
    """A connection that is made anew when it was closed."""

    caught = _CAUGHT_BY_HTTP

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=_CALL_S)

    def export(self, request: HostileRequest) -> str:
        """The status, or the name of the error."""
        headers = {"content-type": request.content_type} | request.headers
        try:
            self._connection.request("POST", f"/v1/{request.signal}", request.body, headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return type(error).__name__
        return str(answer.status)

    def taken(self, body: bytes) -> bool:
        """As the protocol says."""
        code = self.export(HostileRequest("honest", "metrics", body, PROTOBUF))
        if code not in ("200", "503"):
            raise RuntimeError(f"an honest request was refused with {code}")
        return code == "200"

    def close(self) -> None:
        """As the protocol says."""
        self._connection.close()


@dataclass(slots=True)
class Answers:
    """How often each kind of hostile request was answered how; honest points taken, and tries in vain."""

    by_kind: Counter[tuple[str, str]] = field(default_factory=Counter)
    uncaught: int = 0
    taken: int = 0
    again: int = 0


class HostileSender:
    """One connection's hostile requests, `inputs` of them, an honest one after each `every` of them."""

    def __init__(
        self, transport: Transport, drawn: HostileRequests, points: Points, *, by_http: bool, every: int
    ) -> None:
        self.answers = Answers()
        self._transport = transport
        self._drawn = drawn
        self._honest = points.requests()
        self._by_http = by_http
        self._every = every

    def send_honest(self, requests: int, large: bytes) -> None:
        """So many honest ones, each until it was taken, and half way the `large` one."""
        for number in range(requests):
            if number == requests // 2:
                self._until_taken(large)
            self._send_one_honest()

    def send(self, inputs: int) -> None:
        """So many hostile ones, with honest ones in between; the rest of the honest ones after them."""
        for number in range(1, inputs + 1):
            request = self._drawn.draw(by_http=self._by_http)
            code = self._transport.export(request)
            self.answers.by_kind[request.kind, code] += 1
            self.answers.uncaught += code not in self._transport.caught
            if number % self._every == 0:
                self._send_one_honest()
        while self._send_one_honest():
            pass

    def _send_one_honest(self) -> bool:
        following = next(self._honest, None)
        if following is None:
            return False
        points, body = following
        self._until_taken(body)
        self.answers.taken += points
        return True

    def _until_taken(self, body: bytes) -> None:
        while not self._transport.taken(body):
            self.answers.again += 1
            time.sleep(_AGAIN_S)
