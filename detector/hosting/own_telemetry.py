"""Setting up a process's telemetry about itself.

The OpenTelemetry SDK configures itself from the standard `OTEL_*` variables. Nothing is exported unless
an OTLP endpoint or an exporter is named there; metrics can always be fetched from the process itself.
"""

import logging
import threading
import time
import uuid
from collections.abc import MutableMapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from opentelemetry import metrics, trace
from opentelemetry._logs import LoggerProvider, get_logger_provider
from opentelemetry.distro import OpenTelemetryConfigurator
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import OTELResourceDetector

from detector.hosting.exposition import Exposition

_SIGNALS = ("TRACES", "METRICS", "LOGS")
NAMESPACE = "aegisops"

PROCESS_METRICS: dict[str, list[str] | None] = {
    "process.cpu.time": ["user", "system"],
    "process.cpu.utilization": ["user", "system"],
    "process.memory.usage": None,
    "process.memory.virtual": None,
    "process.thread.count": None,
    "process.open_file_descriptor.count": None,
    "process.context_switches": ["involuntary", "voluntary"],
    "cpython.gc.collections": None,
    "cpython.gc.collected_objects": None,
    "cpython.gc.uncollectable_objects": None,
}
"""What of itself the process measures, as the instrumentation is to be told."""


def choose_exporters(environ: MutableMapping[str, str], service_name: str) -> bool:
    """Fill in the `OTEL_*` variables that are not set; answers whether the SDK is wanted at all.

    A signal is exported by OTLP where an endpoint is set for it (or for all of them) and no exporter is
    named; `OTEL_SDK_DISABLED=true` turns everything off. Instrumentations read theirs once, at the first.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if "service.name=" not in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").replace(" ", ""):
        environ.setdefault("OTEL_SERVICE_NAME", service_name)
    environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    for signal in _SIGNALS:
        if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"):
            environ.setdefault(f"OTEL_{signal}_EXPORTER", "otlp")
    return True


def identity() -> dict[str, str]:
    """What the resource says of this process beyond its name, but for what the environment says."""
    own = {"service.namespace": NAMESPACE, "service.instance.id": str(uuid.uuid4())}
    try:
        own["service.version"] = version("aegisops")
    except PackageNotFoundError:  # run from a directory that is not installed
        logging.getLogger(__name__).debug("the version is not known")
    given = OTELResourceDetector().detect().attributes
    return {name: value for name, value in own.items() if name not in given}


@dataclass(frozen=True, slots=True)
class Providers:
    """The three providers that own telemetry goes through, no-ops where the SDK is turned off; and the
    metrics as Prometheus fetches them."""

    tracers: trace.TracerProvider
    meters: metrics.MeterProvider
    loggers: LoggerProvider
    exposition: Exposition

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str], service_name: str) -> "Providers":
        """Configured by the SDK itself from the environment (once in a process); `service_name` where it
        names none. May raise RuntimeError or ValueError on a variable the SDK does not understand."""
        if choose_exporters(environ, service_name):
            OpenTelemetryConfigurator().configure(resource_attributes=identity())  # type: ignore[no-untyped-call]  # untyped in the SDK
        meters = metrics.get_meter_provider()
        real = meters if isinstance(meters, MeterProvider) else None
        if real is not None:
            SystemMetricsInstrumentor(config=PROCESS_METRICS).instrument(meter_provider=real)
        return cls(trace.get_tracer_provider(), meters, get_logger_provider(), Exposition(real))

    def log_handler(self) -> logging.Handler:
        """Exports log records, but for those of the SDK itself, which would feed themselves."""
        handler = LoggingHandler(level=logging.INFO, logger_provider=self.loggers)
        handler.addFilter(lambda record: not record.name.startswith("opentelemetry"))
        return handler

    def shutdown(self, grace_s: float) -> None:
        """Send what is still held back, all signals at once, for at most `grace_s` seconds, and stop."""
        stops = [
            getattr(provider, "shutdown", None) for provider in (self.tracers, self.meters, self.loggers)
        ]
        threads = [
            threading.Thread(target=stop, name="telemetry-shutdown", daemon=True)
            for stop in stops
            if stop is not None  # the no-op providers of the API have nothing to shut down
        ]
        for thread in threads:
            thread.start()
        until = time.monotonic() + grace_s
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
