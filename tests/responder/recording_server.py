"""A real HTTP server on loopback that answers as told and remembers what it was asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RecordingServer:
    """`drip`: the answer's body comes a byte at a time, without end, until `released`."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drip: bool = False
    silent: bool = False
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def recording_server(**answer: object) -> Iterator[RecordingServer]:
    told = RecordingServer(**answer)  # type: ignore[arg-type]  # the fields by name

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.requests.append(Request(self.command, self.path, headers, self.rfile.read(size)))
            if told.silent:
                told.released.wait(30)
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)
            while told.drip and not told.released.wait(0.02):
                try:
                    self.wfile.write(b".")
                except OSError:
                    return

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815  # names by http.server

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        told.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
