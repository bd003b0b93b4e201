"""The processes that points are delivered by: the real Collector, and a detector that keeps a record."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from aegisops.collector import Collector

_QUERIES = re.compile(r"queries on (http://127\.0\.0\.1:\d+)")
_OTLP_HTTP = re.compile(r"OTLP \(HTTP\) on (127\.0\.0\.1:\d+)")
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_START_S = 60.0


class BenchProcess:
    """A process with a log of its own that is started, killed and started again."""

    def __init__(self, command: list[str], environ: dict[str, str], log: Path) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AEGISOPS_", "OTEL_"))}
        self._command = command
        self._environ = kept | environ
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Of the process that runs. Raises RuntimeError when it was not started."""
        if self._process is None:
            raise RuntimeError("start it first")
        return self._process.pid

    @property
    def log(self) -> str:
        """What the process that runs, or ran last, has said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def resident_bytes(self) -> int:
        """The memory it has now. Raises RuntimeError when it was not started."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def _start(self, ready: Callable[[], bool]) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, env=self._environ, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self._command[0]} did not start: {self.log}")
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class RecordingDetector(BenchProcess):
    """`aegisops.bench.delivery_detector` that records into `directory`, always on the same port for gRPC.

    `otlp_http` is known once it has started.
    """

    def __init__(self, directory: Path) -> None:
        port = free_port()
        self.otlp = f"127.0.0.1:{port}"
        self.otlp_http = ""
        self._queries = ""
        super().__init__(
            [sys.executable, "-m", "aegisops.bench.delivery_detector", str(directory)],
            {
                "AEGISOPS_DETECTOR_OTLP_PORT": str(port),
                "AEGISOPS_DETECTOR_OTLP_HTTP_PORT": "0",
                "AEGISOPS_DETECTOR_HTTP_PORT": "0",
            },
            directory / "detector.log",
        )

    def start(self) -> None:
        """Start, and wait until it takes telemetry. Raises RuntimeError with its log when it does not."""
        self._start(lambda: _QUERIES.search(self.log) is not None)
        found = _QUERIES.search(self.log)
        self._queries = "" if found is None else found[1]
        by_http = _OTLP_HTTP.search(self.log)
        self.otlp_http = "" if by_http is None else by_http[1]

    def stats(self) -> dict[str, Any]:
        """`GET /stats`."""
        answer: dict[str, Any] = httpx.get(f"{self._queries}/stats", timeout=30.0, trust_env=False).json()
        return answer


class CollectorProcess(BenchProcess):
    """`collector` as it is configured by `agent`, on free ports, its queue in `directory`.

    `queue_bytes`: how much may wait for the detector.
    """

    def __init__(
        self, collector: Collector, directory: Path, detector: str, queue_bytes: int | None = None
    ) -> None:
        self.otlp, health = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.data = directory / "collector"
        self._health = f"http://{health}"
        metrics_port = free_port()
        self._metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        queue = {} if queue_bytes is None else {"AEGISOPS_COLLECTOR_QUEUE_BYTES": str(queue_bytes)}
        super().__init__(
            [str(collector.binary), "--config", str(collector.configuration)],
            {
                "AEGISOPS_COLLECTOR_OTLP_GRPC": self.otlp,
                "AEGISOPS_COLLECTOR_OTLP_HTTP": f"127.0.0.1:{free_port()}",
                "AEGISOPS_COLLECTOR_HEALTH": health,
                "AEGISOPS_COLLECTOR_PROMETHEUS": f"127.0.0.1:{free_port()}",
                "AEGISOPS_COLLECTOR_METRICS_PORT": str(metrics_port),
                "AEGISOPS_COLLECTOR_DETECTOR": detector,
                "AEGISOPS_COLLECTOR_DATA": str(self.data),
            }
            | queue,
            directory / "collector.log",
        )

    def start(self) -> None:
        """Start, and wait until it is healthy. Raises RuntimeError with its log when it is not."""
        self._start(self._healthy)

    def _healthy(self) -> bool:
        try:
            return httpx.get(self._health, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """The sum of what it says of itself by that name, of all series that have these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        text = httpx.get(self._metrics, trust_env=False).text
        found = (match for match in _SAMPLE.finditer(text) if match[1] == name)
        return sum(float(match[3]) for match in found if all(each in match[2] for each in wanted))

    @property
    def queued_bytes(self) -> float:
        """What waits for the detector, by its own metrics."""
        return self.metric("otelcol_exporter_queue_size", exporter="otlp_grpc/detector")

    @property
    def bytes_on_disk(self) -> int:
        """What its queue takes on disk."""
        return sum(path.stat().st_size for path in self.data.glob("*"))


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
