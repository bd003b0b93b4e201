"""The real Collector with one of the configurations of otel-config/, on free ports, stopped on leaving."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

import httpx
from free_ports import free_ports
from prometheus_client.samples import Sample
from real_collector import collector_binary, scraped
from waiting import eventually

CONFIGURATIONS = Path(__file__).parents[2] / "otel-config"


class CollectorProcess:
    """One that runs; `environment` is what else it is told. Its queue stays in `directory` between starts."""

    def __init__(self, configurations: list[str], directory: Path, **environment: str) -> None:
        self._binary = collector_binary()
        self._configurations = configurations
        self._log = directory / "collector.log"
        grpc, http, self._health, prometheus, self._own = free_ports(5)
        self.prometheus_url = f"http://127.0.0.1:{prometheus}/metrics"
        self.address = f"127.0.0.1:{grpc}"
        self.http_url = f"http://127.0.0.1:{http}"
        self._environment = {
            "PATH": os.environ["PATH"],
            "AEGISOPS_COLLECTOR_OTLP_GRPC": self.address,
            "AEGISOPS_COLLECTOR_OTLP_HTTP": f"127.0.0.1:{http}",
            "AEGISOPS_COLLECTOR_HEALTH": f"127.0.0.1:{self._health}",
            "AEGISOPS_COLLECTOR_PROMETHEUS": f"127.0.0.1:{prometheus}",
            "AEGISOPS_COLLECTOR_METRICS_PORT": str(self._own),
            "AEGISOPS_COLLECTOR_DATA": str(directory / "queue"),
        } | environment

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.stop(signal.SIGTERM)

    def start(self) -> None:
        command = [str(self._binary)]
        for one in self._configurations:
            command += ["--config", str(CONFIGURATIONS / one)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stderr=log, stdout=log)
        try:
            eventually(self._healthy, "the Collector is healthy")
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, by: signal.Signals) -> None:
        self._process.send_signal(by)
        self._process.wait(30)

    def prometheus(self) -> list[Sample]:
        """What it shows of the applications."""
        return list(scraped(self.prometheus_url))

    def own_metrics(self) -> list[Sample]:
        """What it shows of itself."""
        return list(scraped(f"http://127.0.0.1:{self._own}/metrics"))

    def _healthy(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()[-4000:]
        try:
            return (
                httpx.get(f"http://127.0.0.1:{self._health}", trust_env=False).status_code == httpx.codes.OK
            )
        except httpx.TransportError:
            return False
