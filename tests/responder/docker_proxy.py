"""A proxy before a Docker engine's socket that lets only some calls through, as a socket proxy does."""

import http.client
import re
import socket
import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@dataclass
class DockerProxy:
    """`calls`: those made, as `POST /containers/{id}/restart`."""

    url: str
    calls: list[str] = field(default_factory=list)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@contextmanager
def docker_proxy(
    engine_url: str, allowed: Set[str], swallowed: Set[str] = frozenset()
) -> Iterator[DockerProxy]:
    """Lets `allowed` through to the engine at `engine_url` (`unix:///path`), and answers 403 to the rest.
    What is `swallowed` gets no answer at all."""
    calls: list[str] = []
    may, silent = allowed, swallowed
    over = threading.Event()

    class Handler(_Handler):
        path_of_engine = engine_url.removeprefix("unix://")
        made = calls
        allowed = may
        swallowed = silent
        ended = over

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield DockerProxy(f"tcp://127.0.0.1:{server.server_port}", calls)
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    path_of_engine: ClassVar[str]
    made: ClassVar[list[str]]
    allowed: ClassVar[Set[str]]
    swallowed: ClassVar[Set[str]]
    ended: ClassVar[threading.Event]

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = re.sub(r"^/v[0-9.]+", "", self.path.partition("?")[0])
        call = f"{self.command} {_named(path)}"
        self.made.append(call)
        if call in self.swallowed:
            self.ended.wait(60)
            self.close_connection = True
            return
        if call not in self.allowed:
            self._answer(403, b'{"message": "forbidden by the proxy"}')
            return
        connection = UnixConnection(self.path_of_engine)
        try:
            kept = {k: v for k, v in self.headers.items() if k.lower() == "content-type"}
            connection.request(self.command, self.path, body, kept)
            answer = connection.getresponse()
            self._answer(answer.status, answer.read())
        finally:
            connection.close()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _forward  # noqa: N815  # named by the standard library

    def log_message(self, format: str, *args: object) -> None:
        return


def _named(path: str) -> str:
    parts = path.split("/")
    if len(parts) > 2 and parts[2] not in ("json", "create"):
        parts[2] = "{id}"
    return "/".join(parts)
