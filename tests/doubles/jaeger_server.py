"""A real Jaeger for tests, keeping its traces in memory: its own ports, stopped on leaving.

`AEGISOPS_TEST_JAEGER` says where the program is (`.ci/jaeger.sh` builds it). Without it tests are skipped,
and fail where `CI` is true.
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
import yaml
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
        answer = self.http.get(f"/api/traces/{trace_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        (found,) = answer.raise_for_status().json()["data"]
        return [_span(one, found["processes"]) for one in found["spans"]]


def _span(told: dict[str, Any], processes: dict[str, Any]) -> StoredSpan:
    parents = [one["spanID"] for one in told["references"] if one["refType"] == "CHILD_OF"]
    service = processes[told["processID"]]["serviceName"]
    return StoredSpan(told["operationName"], told["spanID"], parents[0] if parents else "", service)


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
    """A Jaeger whose files are in `directory`."""
    query, query_grpc, otlp = (f"127.0.0.1:{port}" for port in free_ports(3))
    configuration = directory / "jaeger.yaml"
    configuration.write_text(yaml.safe_dump(_configuration(query, query_grpc, otlp)))
    with (directory / "jaeger.log").open("wb") as log:
        process = subprocess.Popen(
            [program(), "--config", str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://{query}", timeout=10, trust_env=False) as http:
            _wait_ready(process, http, directory / "jaeger.log")
            yield Jaeger(http, otlp)
    finally:
        process.terminate()
        process.wait(20)


def _configuration(query: str, query_grpc: str, otlp: str) -> dict[str, Any]:
    return {
        "extensions": {
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 1000}}}},
            "jaeger_query": {
                "storage": {"traces": "memory"},
                "http": {"endpoint": query},
                "grpc": {"endpoint": query_grpc},
            },
        },
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": otlp}}}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
            "telemetry": {"metrics": {"level": "none"}},
        },
    }


def _wait_ready(process: "subprocess.Popen[bytes]", http: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.HTTPError):
            if http.get("/api/services", timeout=1).is_success:
                return
        time.sleep(0.05)
    raise AssertionError(f"Jaeger did not start: {log.read_text()[-2000:]}")
