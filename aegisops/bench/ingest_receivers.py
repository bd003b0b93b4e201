"""Who takes the metrics of `aegisops bench ingest`, each a process of its own."""

import re
import sys
from pathlib import Path
from typing import ClassVar

from aegisops.bench.delivery_processes import BenchProcess, free_port
from aegisops.collector import Collector

_SPARE_SERIES = 10_000
_DROPPING = """
receivers:
  otlp:
    protocols: {{grpc: {{endpoint: "{otlp}", max_recv_msg_size_mib: 64}}}}
exporters:
  debug: {{verbosity: basic, sampling_initial: 1, sampling_thereafter: 1000000}}
extensions:
  health_check: {{endpoint: "{health}"}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: info}}}}
  extensions: [health_check]
  pipelines:
    metrics: {{receivers: [otlp], exporters: [debug]}}
"""


class Receiver(BenchProcess):
    """A process that takes metrics by OTLP over gRPC at `otlp`, once it has started."""

    name: ClassVar[str]
    ready: ClassVar[re.Pattern[str]]

    def __init__(self, command: list[str], environ: dict[str, str], directory: Path) -> None:
        super().__init__(command, environ, directory / f"{type(self).__name__}.log")
        self.otlp = ""

    def start(self) -> None:
        """Start, and wait until it takes metrics. Raises RuntimeError with its log when it does not."""
        self._start(lambda: self.ready.search(self.log) is not None)


class NoopReceiver(Receiver):
    """Parses and drops."""

    name = "a receiver that parses and drops"
    ready = re.compile(r"^\d+$", re.MULTILINE)

    def __init__(self, directory: Path) -> None:
        super().__init__([sys.executable, "-m", "aegisops.bench.ingest_noop"], {}, directory)

    def start(self) -> None:
        """Start, and wait for its port."""
        super().start()
        self.otlp = f"127.0.0.1:{int(self.log)}"


class BenchedDetector(Receiver):
    """The detector as it is shipped, with room for `series`."""

    name = "the detector"
    ready = re.compile(r"queries on http://127\.0\.0\.1:\d+")

    def __init__(self, directory: Path, series: int) -> None:
        port = free_port()
        environ = {
            "AEGISOPS_DETECTOR_OTLP_PORT": str(port),
            "AEGISOPS_DETECTOR_OTLP_HTTP_PORT": "0",
            "AEGISOPS_DETECTOR_HTTP_PORT": "0",
            "AEGISOPS_DETECTOR_MAX_SERIES": str(series + _SPARE_SERIES),
        }
        super().__init__([sys.executable, "-m", "detector"], environ, directory)
        self.otlp = f"127.0.0.1:{port}"


class BenchedCollector(Receiver):
    """The real Collector, which takes and drops as well."""

    name = "the Collector"
    ready = re.compile("Everything is ready")

    def __init__(self, collector: Collector, directory: Path) -> None:
        otlp, health = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        configuration = directory / "ingest-collector.yaml"
        configuration.write_text(_DROPPING.format(otlp=otlp, health=health), encoding="utf-8")
        super().__init__([str(collector.binary), "--config", str(configuration)], {}, directory)
        self.otlp = otlp
