"""Setting up a process's telemetry about itself.

The OpenTelemetry SDK configures itself from the standard `OTEL_*` variables. Nothing is exported unless
an OTLP endpoint or an exporter is named there.
"""

import logging
import threading
import time
from collections.abc import MutableMapping
from dataclasses import dataclass

from opentelemetry import metrics, trace
from opentelemetry._logs import LoggerProvider, get_logger_provider
from opentelemetry.distro import OpenTelemetryConfigurator
from opentelemetry.instrumentation.logging.handler import LoggingHandler

_SIGNALS = ("TRACES", "METRICS", "LOGS")


def choose_exporters(environ: MutableMapping[str, str], service_name: str) -> bool:
    """Fill in the `OTEL_*` variables that are not set; answers whether the SDK is wanted at all.

    A signal is exported by OTLP where an endpoint is set for it (or for all of them) and no exporter is
    named; `OTEL_SDK_DISABLED=true` turns everything off.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if "service.name=" not in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").replace(" ", ""):
        environ.setdefault("OTEL_SERVICE_NAME", service_name)
    for signal in _SIGNALS:
        if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"):
            environ.setdefault(f"OTEL_{signal}_EXPORTER", "otlp")
    return True


@dataclass(frozen=True, slots=True)
class Providers:
    """The three providers that own telemetry goes through; no-ops where the SDK is turned off."""

    tracers: trace.TracerProvider
    meters: metrics.MeterProvider
    loggers: LoggerProvider

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str], service_name: str) -> "Providers":
        """Configured by the SDK itself from the environment (once in a process); `service_name` where it
        names none. May raise RuntimeError or ValueError on a variable the SDK does not understand."""
        if choose_exporters(environ, service_name):
            OpenTelemetryConfigurator().configure()  # type: ignore[no-untyped-call]  # untyped in the SDK
        return cls(trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())

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
