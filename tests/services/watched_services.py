"""Published programs as services to be watched: the Collector, the detector and the responder beside them.

Nothing of AegisOps knows these programs. They are told where the Collector is by environment variables, as
their users would do it, and broken from outside: by what they depend on, or by what is asked of them.

`AEGISOPS_TEST_NODE_SERVICES` says where the programs are installed (`.ci/node.sh` does that); else they are
in `node/` beside this file, where `npm ci --ignore-scripts` puts them.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import httpx
import pytest
from free_ports import free_ports
from real_collector import collector_binary

from aegisops.demo.watch import StackView, wait_until
from aegisops.settings import StackSettings, inherited_environment
from aegisops.stack.layout import StackLayout, programs
from responder.incident_record import IncidentRecord

VARIABLE = "AEGISOPS_TEST_NODE_SERVICES"
READY_S, STOP_S = 60, 10
PORTS = (
    "detector_port",
    "otlp_port",
    "otlp_http_port",
    "responder_port",
    "collector_otlp_port",
    "collector_otlp_http_port",
    "collector_health_port",
    "collector_prometheus_port",
    "collector_metrics_port",
)


def node_directory() -> Path:
    """Where the Node.js programs are installed; without them the test is skipped, or fails in CI."""
    found = Path(os.environ.get(VARIABLE, Path(__file__).with_name("node"))).absolute()
    if (found / "node_modules").is_dir():
        return found
    reason = f"there are no node_modules in {found}; run `npm ci --ignore-scripts` there"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Watch:
    """Collector, detector and responder, ready."""

    settings: StackSettings
    view: StackView

    def incidents(self) -> list[IncidentRecord]:
        """All incidents, the oldest first."""
        return self.view.incidents_since(0.0)

    def environment(self, service: str, node_options: str = "") -> dict[str, str]:
        """What makes a Node.js program tell the Collector of itself as `service`; nothing else is needed."""
        return inherited_environment() | {
            "NODE_OPTIONS": f"--require @opentelemetry/auto-instrumentations-node/register {node_options}",
            "OTEL_SERVICE_NAME": service,
            "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=elsewhere",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.settings.otlp_http_endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "OTEL_NODE_RESOURCE_DETECTORS": "env,host,os,process",  # the others ask addresses of clouds
        }


@contextmanager
def running(
    *command: str, cwd: Path, environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended on leaving; its output is in `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:  # an instrumented program that does not end by itself
                process.kill()
                process.wait()


@contextmanager
def watching(root: Path) -> Iterator[Watch]:
    """The watching half of the local stack, on free ports; its policy only observes other services."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    settings = StackSettings(collector_binary=collector_binary(), own_telemetry_endpoint=None, **ports)
    layout = StackLayout(root)
    wanted = {"collector", "detector", "responder"}
    ready = (
        f"http://127.0.0.1:{settings.collector_health_port}",
        f"{settings.detector_url}/ready",
        f"{settings.responder_url}/ready",
    )
    with ExitStack() as stack:
        http = stack.enter_context(httpx.Client(timeout=5.0, trust_env=False))
        for program in programs(settings, layout):
            if program.name in wanted:
                environment = inherited_environment() | program.environment
                log = root / f"{program.name}.log"
                stack.enter_context(running(*program.command, cwd=root, environment=environment, log=log))
        for url in ready:
            wait_until(lambda url=url: answers(http, url), READY_S, lambda url=url: f"{url} is not ready")
        yield Watch(settings, StackView(settings, http))


def answers(http: httpx.Client, url: str) -> bool:
    """Whether `url` answers with success."""
    try:
        return http.get(url).is_success
    except httpx.TransportError:
        return False


class Upstream:
    """What a service depends on: answers every GET with `body`, after `delay_s`."""

    def __init__(self, body: bytes) -> None:
        self.delay_s = 0.0
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                time.sleep(upstream.delay_s)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Users:
    """Two users who ask again and again, a moment after each answer; what they ask may be changed."""

    ask: Callable[[httpx.Client], object]
    answered: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._use, daemon=True) for _ in range(2)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _use(self) -> None:
        with httpx.Client(timeout=20.0, trust_env=False) as http:
            while not self._stopping.wait(0.1):
                try:
                    self.ask(http)
                    self.answered += 1
                except httpx.TransportError:
                    continue  # a broken service does not always answer
