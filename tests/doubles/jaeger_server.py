"""A real Jaeger for tests, keeping its traces in memory: its own ports, stopped on leaving.

`AEGISOPS_TEST_JAEGER` says where the program is (`.ci/jaeger.sh` builds it of tests/jaeger). Without it tests
are skipped, and fail where `CI` is true.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from free_ports import free_ports

VARIABLE = "AEGISOPS_TEST_JAEGER"
START_S = 30.0


@dataclass(frozen=True)
class StoredSpan:
    """A span as Jaeger keeps it: `parent_id` is empty for a root."""

    name: str
    span_id: str
    parent_id: str
    service: str


@dataclass(frozen=True)
class Jaeger:
    """One that runs; `otlp` is the address (host and port) of its OTLP gRPC receiver."""

    http: httpx.Client
    otlp: str

    def trace(self, trace_id: str) -> list[StoredSpan]:
        """The spans of a trace, none while it is unknown."""
        answer = self.http.get(f"/api/v3/traces/{trace_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        return [
            StoredSpan(span["name"], span["spanId"], span.get("parentSpanId", ""), _service(resource))
            for resource in answer.raise_for_status().json()["result"]["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


def _service(told: dict[str, Any]) -> str:
    attributes = {one["key"]: one["value"] for one in told["resource"]["attributes"]}
    return str(attributes["service.name"]["stringValue"])


def program() -> str:
    """Where Jaeger is; skips the test where it is not, and fails it under CI."""
    if named := os.environ.get(VARIABLE):
        return named
    reason = f"needs the real Jaeger: {VARIABLE} is not set (`.ci/jaeger.sh start DIRECTORY` builds it)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(directory: Path) -> Iterator[Jaeger]:
    """A Jaeger whose log is in `directory`."""
    query, otlp = (f"127.0.0.1:{port}" for port in free_ports(2))
    with (directory / "jaeger.log").open("wb") as log:
        process = subprocess.Popen([program(), query, otlp], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://{query}", timeout=10, trust_env=False) as http:
            _wait_ready(process, http, directory / "jaeger.log")
            yield Jaeger(http, otlp)
    finally:
        process.terminate()
        process.wait(20)


def _wait_ready(process: "subprocess.Popen[bytes]", http: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.HTTPError):
            if http.get("/api/v3/services", timeout=1).is_success:
                return
        time.sleep(0.05)
    raise AssertionError(f"Jaeger did not start: {log.read_text()[-2000:]}")
