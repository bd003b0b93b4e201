"""The detector as a process of its own, and a listener that incidents are reported to."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

READY = re.compile(
    r"OTLP \(gRPC\) on 127\.0\.0\.1:(\d+), queries on (http://127\.0\.0\.1:\d+), "
    r"OTLP \(HTTP\) on (127\.0\.0\.1:\d+)"
)


class DetectorProcess:
    """`python -m detector` on free ports, with the given AEGISOPS_DETECTOR_* and other variables."""

    def __init__(self, **variables: str) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("AEGISOPS_", "OTEL_"))}
        ports = ("OTLP_PORT", "OTLP_HTTP_PORT", "HTTP_PORT")
        environ |= {f"AEGISOPS_DETECTOR_{each}": "0" for each in ports} | variables
        self.process = subprocess.Popen(
            [sys.executable, "-m", "detector"], env=environ, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        self.process.wait()
        with self._changed:
            self._changed.notify_all()

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def wait_ready(self) -> tuple[int, str]:
        """The OTLP port and the base URL of the query interface."""
        with self._changed:
            self._changed.wait_for(
                lambda: READY.search(self.log) or self.process.returncode is not None, timeout=30
            )
        found = READY.search(self.log)
        assert found is not None, self.log
        return int(found[1]), found[2]

    @property
    def otlp_http(self) -> str:
        """Host and port of OTLP over HTTP, once it is ready."""
        found = READY.search(self.log)
        assert found is not None, self.log
        return found[3]

    def stop(self) -> int:
        """End it gracefully; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end it comes to by itself; the exit code."""
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


class IncidentListener:
    """An HTTP endpoint that keeps each POST's JSON and headers, and acknowledges it when `open`."""

    def __init__(self) -> None:
        listener = self
        self.received: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.open = True
        self._changed = threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with listener._changed:
                    if listener.open:
                        listener.received.append((body, {k.lower(): v for k, v in self.headers.items()}))
                        listener._changed.notify_all()
                self.send_response(202 if listener.open else 503)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/detections"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def wait_for(
        self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 30
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The first report that is `wanted`, with its headers."""

        def found() -> tuple[dict[str, Any], dict[str, str]] | None:
            return next((report for report in self.received if wanted(report[0])), None)

        with self._changed:
            report = self._changed.wait_for(found, timeout_s)
        assert report, self.received
        return report

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
