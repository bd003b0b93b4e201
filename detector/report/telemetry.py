"""The `detect` span of each incident, the root of its trace, and what else is told within that trace."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from detector.incident import Evidence, Incident
from detector.report import telemetry_registry as told

_TRACE_CONTEXT = TraceContextTextMapPropagator()


def context_of(incident: Incident) -> Context:
    """The trace context of an incident's root span: logs and measurements within it belong to its trace."""
    return _TRACE_CONTEXT.extract({"traceparent": incident.traceparent}, Context())


@contextmanager
def in_trace_of(incident: Incident) -> Iterator[None]:
    """Logs inside belong to the incident's trace."""
    with trace.use_span(trace.get_current_span(context_of(incident))):
        yield


def detected(incident: Incident) -> dict[str, str]:
    """The attributes of the log event that tells of its opening or closing."""
    return {
        "otel.event.name": told.DETECTED.name,
        told.INCIDENT.name: incident.id,
        told.TYPE.name: incident.type.value,
        told.INCIDENT_SERVICE.name: incident.service,
        told.INCIDENT_STATE.name: incident.state.value,
    }


class SpanDetectionTracer:
    """Emits the root span `detect` of an incident's trace: from its first anomaly to its opening.

    Each piece of evidence is an event on it. Where no SDK runs, identifiers come from `ids`, so that the
    incident has a trace whoever continues it.
    """

    def __init__(self, provider: trace.TracerProvider, ids: IdGenerator) -> None:
        self._tracer = provider.get_tracer(told.SCOPE)
        self._ids = ids

    def record(self, incident: Incident) -> str:
        """The W3C `traceparent` of the span that now stands for the incident's detection."""
        span = self._tracer.start_span(
            told.DETECT.name,
            context=Context(),
            start_time=_nanoseconds(incident.started_at),
            attributes=_incident_attributes(incident),
        )
        for evidence in incident.evidence:
            span.add_event(
                told.DETECT.events[0].name, _evidence_attributes(evidence), _nanoseconds(evidence.last_seen)
            )
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
        _TRACE_CONTEXT.inject(carrier, current)
        return carrier["traceparent"]


def _incident_attributes(incident: Incident) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        told.INCIDENT.name: incident.id,
        told.TYPE.name: incident.type.value,
        told.INCIDENT_SERVICE.name: incident.service,
        told.SEVERITY.name: incident.severity.value,
        told.CONFIDENCE.name: incident.confidence,
    }
    if incident.previous_id:
        attributes[told.PREVIOUS.name] = incident.previous_id
    return attributes


def _evidence_attributes(evidence: Evidence) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        told.EVIDENCE.name: evidence.id,
        told.EVIDENCE_SERIES.name: evidence.series,
        told.EVIDENCE_SIGNAL.name: evidence.signal,
        told.EVIDENCE_REASON.name: evidence.reason.value,
        told.EVIDENCE_SCORE_OF.name: evidence.score,
    }
    if evidence.before is not None:
        attributes[told.EVIDENCE_BEFORE.name] = evidence.before
    if evidence.now is not None:
        attributes[told.EVIDENCE_NOW.name] = evidence.now
    return attributes


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
