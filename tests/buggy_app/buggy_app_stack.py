"""Starts the app's programs as real processes on free ports, and stops them, for tests."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

PATIENCE_S = 25.0
T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str) -> T:
    """Wait until `condition` answers something true, and answer that."""
    until = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {PATIENCE_S:g} s in vain: {what}")
        time.sleep(0.05)
    return value


def free_port() -> tuple[int, socket.socket]:
    """A free port, and a socket that keeps it: bound as replicas bind theirs, but not listening."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    keeper.bind(("127.0.0.1", 0))
    return keeper.getsockname()[1], keeper


@dataclass(frozen=True)
class Answer:
    status: int
    seconds: float
    body: bytes


class Stack:
    """The app's programs with one state directory. Stops by process id what it started."""

    def __init__(self, state_dir: Path, endpoint: str | None = None, **environment: str) -> None:
        self.state_dir = state_dir
        self.processes: list[subprocess.Popen[bytes]] = []
        self.port, self._keeper = free_port()
        primary, first = free_port()
        secondary, second = free_port()
        first.close()
        second.close()
        self.primary_port, self.secondary_port = primary, secondary
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BUGGY_APP_", "OTEL_"))}
        self.environment = kept | {
            "BUGGY_APP_STATE_DIR": str(state_dir),
            "BUGGY_APP_PORT": str(self.port),
            "BUGGY_APP_DEPENDENCY_PRIMARY_PORT": str(primary),
            "BUGGY_APP_DEPENDENCY_SECONDARY_PORT": str(secondary),
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            **environment,
        }
        if endpoint:
            self.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint

    def start(self, module: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program; its output is kept in the state directory's parent."""
        log = (self.state_dir.parent / f"{module}.log").open("ab")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                env=self.environment | environment,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def start_replica(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start a replica and wait until it serves."""
        process = self.start("buggy_app", **environment)
        registered = self.state_dir / "replicas" / f"{process.pid}.json"
        wait_for(lambda: registered.exists() and self.get("/health").status == 200, "the replica to serve")
        return process

    def start_dependency(self) -> None:
        self.start("buggy_app.dependency")
        wait_for(lambda: request(self.secondary_port, "GET", "/").status == 200, "the dependency to serve")

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """SIGTERM, and the exit code."""
        process.terminate()
        return process.wait(PATIENCE_S)

    def restart(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        self.stop(process)
        return self.start_replica()

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def log(self, module: str) -> str:
        return (self.state_dir.parent / f"{module}.log").read_text()

    def get(self, path: str) -> Answer:
        return request(self.port, "GET", path)

    def post(self, path: str, body: bytes = b"") -> Answer:
        return request(self.port, "POST", path, body)

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE_S)
        self._keeper.close()


def request(port: int, method: str, path: str, body: bytes = b"") -> Answer:
    """One request on a connection of its own; status 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    start = time.monotonic()
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        content = response.read()
        return Answer(response.status, time.monotonic() - start, content)
    except (OSError, http.client.HTTPException):
        return Answer(0, time.monotonic() - start, b"")
    finally:
        connection.close()
