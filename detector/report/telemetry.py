"""Setting up the detector's telemetry about itself, and the `detect` span of each incident.

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
from opentelemetry.context import Context
from opentelemetry.distro import OpenTelemetryConfigurator
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from detector.incident import Evidence, Incident

SCOPE = "aegisops.detector"
DEFAULT_SERVICE_NAME = "aegisops-detector"

_SIGNALS = ("TRACES", "METRICS", "LOGS")


def choose_exporters(environ: MutableMapping[str, str]) -> bool:
    """Fill in the `OTEL_*` variables that are not set; answers whether the SDK is wanted at all.

    A signal is exported by OTLP where an endpoint is set for it (or for all of them) and no exporter is
    named; `OTEL_SDK_DISABLED=true` turns everything off.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if "service.name=" not in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").replace(" ", ""):
        environ.setdefault("OTEL_SERVICE_NAME", DEFAULT_SERVICE_NAME)
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
    def from_environment(cls, environ: MutableMapping[str, str]) -> "Providers":
        """Configured by the SDK itself from the environment (once in a process). May raise RuntimeError
        or ValueError on a variable the SDK does not understand."""
        if choose_exporters(environ):
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


class SpanDetectionTracer:
    """Emits the root span `detect` of an incident's trace: from its first anomaly to its opening.

    Each piece of evidence is an event on it. Where no SDK runs, identifiers come from `ids`, so that the
    incident has a trace whoever continues it.
    """

    def __init__(self, provider: trace.TracerProvider, ids: IdGenerator) -> None:
        self._tracer = provider.get_tracer(SCOPE)
        self._ids = ids

    def record(self, incident: Incident) -> str:
        """The W3C `traceparent` of the span that now stands for the incident's detection."""
        span = self._tracer.start_span(
            "detect",
            context=Context(),
            start_time=_nanoseconds(incident.started_at),
            attributes=_incident_attributes(incident),
        )
        for evidence in incident.evidence:
            span.add_event("evidence", _evidence_attributes(evidence), _nanoseconds(evidence.last_seen))
        span.end(end_time=_nanoseconds(max(incident.opened_at, incident.started_at)))
        context = span.get_span_context()
        if not context.is_valid:
            context = trace.SpanContext(
                trace_id=self._ids.generate_trace_id(),
                span_id=self._ids.generate_span_id(),
                is_remote=False,
                trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
            )
        carrier: dict[str, str] = {}
        current = trace.set_span_in_context(trace.NonRecordingSpan(context), Context())
        TraceContextTextMapPropagator().inject(carrier, current)
        return carrier["traceparent"]


def _incident_attributes(incident: Incident) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "aegisops.incident.id": incident.id,
        "aegisops.incident.type": incident.type.value,
        "aegisops.incident.service": incident.service,
        "aegisops.incident.severity": incident.severity.value,
        "aegisops.incident.confidence": incident.confidence,
    }
    if incident.previous_id:
        attributes["aegisops.incident.previous_id"] = incident.previous_id
    return attributes


def _evidence_attributes(evidence: Evidence) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "aegisops.evidence.id": evidence.id,
        "aegisops.evidence.series": evidence.series,
        "aegisops.evidence.signal": evidence.signal,
        "aegisops.evidence.reason": evidence.reason.value,
        "aegisops.evidence.score": evidence.score,
    }
    if evidence.before is not None:
        attributes["aegisops.evidence.before"] = evidence.before
    if evidence.now is not None:
        attributes["aegisops.evidence.now"] = evidence.now
    return attributes


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
