"""Sets up the OpenTelemetry SDK by its own auto-configuration from `OTEL_*`, and ends it in time."""

import logging
import os
import sys
import threading
import uuid
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime

from opentelemetry import _logs, metrics, trace
from opentelemetry.distro import OpenTelemetryConfigurator, OpenTelemetryDistro
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import OTELResourceDetector
from opentelemetry.sdk.trace import TracerProvider

SERVICE_NAME = "buggy-app"
ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)
EXPORTERS = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this process is. `started_at`: seconds since the epoch; `version` may be empty (unknown)."""

    version: str
    started_at: float


def prepare_environment(environ: MutableMapping[str, str], *, logs_only: bool = False) -> None:
    """Fill in the `OTEL_*` variables that are not set; must run before instrumentations are imported.

    With no endpoint named anywhere nothing is exported, unless an exporter was asked for by name.
    `logs_only` turns the other signals off, for a process that only lives to say why it fails.
    """
    environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    if any(environ.get(name) for name in ENDPOINTS):
        OpenTelemetryDistro().configure()
    if logs_only:
        for name in EXPORTERS[:2]:
            environ[name] = "none"


class Telemetry:
    """The SDK of this process. Starting it twice in one process is not possible."""

    def __init__(self, identity: Identity) -> None:
        configurator = OpenTelemetryConfigurator()  # type: ignore[no-untyped-call]  # the SDK's own gap
        configurator.configure(resource_attributes=resource_attributes(identity))  # type: ignore[no-untyped-call]  # as above
        handler = LoggingHandler(level=logging.INFO, logger_provider=_logs.get_logger_provider())
        handler.addFilter(_is_the_apps_own)
        logging.getLogger().addHandler(handler)

    def flush_metrics(self, timeout_s: float) -> None:
        """Export the metrics now."""
        provider = metrics.get_meter_provider()
        if isinstance(provider, MeterProvider):
            provider.force_flush(timeout_millis=timeout_s * 1000)

    def shutdown(self, timeout_s: float) -> None:
        """Flush and end all signals side by side, within `timeout_s` whatever the receiver does."""
        ends: list[Callable[[], None]] = []
        logs, meters, traces = (
            _logs.get_logger_provider(),
            metrics.get_meter_provider(),
            trace.get_tracer_provider(),
        )
        if isinstance(logs, LoggerProvider):
            ends.append(logs.shutdown)
        if isinstance(meters, MeterProvider):
            ends.append(lambda: meters.shutdown(timeout_millis=timeout_s * 1000))
        if isinstance(traces, TracerProvider):
            ends.append(traces.shutdown)
        threads = [threading.Thread(target=end, daemon=True) for end in ends]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout_s)


def resource_attributes(identity: Identity) -> dict[str, str | int]:
    """What the resource shall say beyond what `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` do."""
    own: dict[str, str | int] = {
        "service.name": SERVICE_NAME,
        "service.instance.id": str(uuid.uuid4()),
        "process.pid": os.getpid(),
        "process.creation.time": datetime.fromtimestamp(identity.started_at, UTC).isoformat(),
    }
    if identity.version:
        own["service.version"] = identity.version
    given = OTELResourceDetector().detect().attributes
    return {name: value for name, value in own.items() if name not in given}


def log_to_stderr() -> None:
    """Let the app's log records and others' warnings be seen by whoever runs the process."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("httpx", "httpcore", "uvicorn", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _is_the_apps_own(record: logging.LogRecord) -> bool:
    """Keep the SDK's complaints about its export out of what is exported."""
    return not record.name.startswith("opentelemetry")
