"""A real Prometheus for tests: its own data, its own port, stopped on leaving.

`AEGISOPS_TEST_PROMETHEUS` says where the program is (`.ci/prometheus.sh` installs it); else it is the one on
the PATH. Where there is none tests are skipped, but under CI they fail.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

VARIABLE = "AEGISOPS_TEST_PROMETHEUS"
START_S = 30.0


@dataclass(frozen=True)
class Prometheus:
    """One that runs."""

    http: httpx.Client

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series that PromQL answers, now or `at` a time; fails with what Prometheus says is wrong."""
        parameters = {"query": expression} | ({"time": str(at)} if at is not None else {})
        answer = self.http.post("/api/v1/query", data=parameters).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        result = answer["data"]["result"]
        return result if isinstance(result, list) else [result]

    def over(self, expression: str, begin: float, end: float, step_s: float) -> list[list[float]]:
        """The values of each series that PromQL answers between two times."""
        parameters = {"query": expression, "start": str(begin), "end": str(end), "step": str(step_s)}
        answer = self.http.post("/api/v1/query_range", data=parameters).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        return [[float(value) for _, value in series["values"]] for series in answer["data"]["result"]]

    def names(self) -> set[str]:
        """Every metric it knows."""
        answer = self.http.get("/api/v1/label/__name__/values").json()
        return set(answer["data"])


def program() -> str:
    """Where Prometheus is; skips the test where it is not, and fails it under CI."""
    found = os.environ.get(VARIABLE) or shutil.which("prometheus")
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"{VARIABLE} is not set and there is no prometheus on the PATH")
    pytest.skip(f"needs Prometheus: {VARIABLE} is not set and there is none on the PATH")


@contextmanager
def running(directory: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """A Prometheus that scrapes `targets` (job and address) every second, keeping the labels they send."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = directory / "prometheus.yaml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                "scrape_configs": [
                    {"job_name": job, "honor_labels": True, "static_configs": [{"targets": [address]}]}
                    for job, address in targets.items()
                ],
            }
        )
    )
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program(),
                f"--config.file={configuration}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--enable-feature=exemplar-storage",
                "--log.level=warn",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as http:
            _wait_ready(process, http, directory / "prometheus.log")
            yield Prometheus(http)
    finally:
        process.terminate()
        process.wait(20)


def _wait_ready(process: "subprocess.Popen[bytes]", http: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.HTTPError):
            if http.get("/-/ready", timeout=1).is_success:
                return
        time.sleep(0.05)
    raise AssertionError(f"Prometheus did not start: {log.read_text()[-2000:]}")
