"""The `detect` span of each incident: the root of its trace."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from detector.incident import Evidence, Incident

SCOPE = "aegisops.detector"


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
