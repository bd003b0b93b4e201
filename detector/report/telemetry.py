"""The `detect` span of each incident, the root of its trace, and the log events about it."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.util.types import AttributeValue

from detector.hosting.trace_context import new_span_context, traceparent_of
from detector.incident import Evidence, Incident
from detector.report import telemetry_registry as told


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
        return traceparent_of(context if context.is_valid else new_span_context(self._ids))


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
