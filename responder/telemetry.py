"""What the responder tells of itself: the spans of an incident's way, its counts, its log events.

All names stand in `telemetry_registry.py`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import metrics, trace
from opentelemetry.sdk.trace.id_generator import IdGenerator

from detector import Incident
from detector.hosting.registry import SpanType, counter, histogram
from detector.hosting.trace_context import context_of, new_span_context, span_context_of, traceparent_of
from responder import telemetry_registry as told
from responder.deliberate import CouncilMember
from responder.incident_record import (
    ActionRecord,
    Case,
    CouncilDecision,
    Diagnosis,
    MemberRole,
    PipelineState,
    ProposedAction,
    Vote,
)
from responder.policy import PolicyRuling
from responder.redaction import sanitised

_MAX_SERIES = 20
_MAX_ROOT_CAUSE = 500


class Stages:
    """Spans of the pipeline's stages, each a child of the incident's own trace context."""

    def __init__(self, tracers: trace.TracerProvider, meters: metrics.MeterProvider) -> None:
        self._tracer = tracers.get_tracer(told.SCOPE)
        self._vote_duration = histogram(meters.get_meter(told.SCOPE), told.VOTE_DURATION)

    @contextmanager
    def stage(self, kind: SpanType, incident: Incident) -> Iterator[trace.Span]:
        """The current span while a stage lasts; an exception is recorded on it and goes on."""
        attributes = {
            "aegisops.incident.id": incident.id,
            "aegisops.incident.type": incident.type.value,
            "aegisops.incident.service": incident.service,
            "aegisops.incident.revision": incident.revision,
            "aegisops.incident.series": [one.series for one in incident.evidence[:_MAX_SERIES]],
        }
        parent = context_of(incident.traceparent)
        with self._tracer.start_as_current_span(kind.name, context=parent, attributes=attributes) as span:
            yield span

    def traced(self, member: CouncilMember) -> CouncilMember:
        """`member`, with a span around each of its votes, which are timed."""
        return _TracedMember(member, self._tracer, self._vote_duration)


class _TracedMember:
    def __init__(self, member: CouncilMember, tracer: trace.Tracer, duration: metrics.Histogram) -> None:
        self._member = member
        self._tracer = tracer
        self._duration = duration
        self.role: MemberRole = member.role

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        with self._tracer.start_as_current_span(told.VOTE.named(self.role.value)) as span:
            began_at = time.monotonic()
            try:
                vote = self._member.vote(case, diagnosis, proposal)
            finally:
                self._duration.record(time.monotonic() - began_at, {told.MEMBER.name: self.role.value})
            span.set_attributes(
                {
                    "aegisops.vote.member": vote.member.value,
                    "aegisops.vote.approve": vote.approve,
                    "aegisops.vote.confidence": vote.confidence,
                    "aegisops.vote.reason": vote.reason.value,
                    "aegisops.vote.answered_by": vote.answered_by,
                    "aegisops.action": proposal.action.value,
                }
            )
            return vote


class PipelineMetrics:
    """What the pipeline counts and measures."""

    def __init__(self, provider: metrics.MeterProvider) -> None:
        meter = provider.get_meter(told.SCOPE)
        self._incidents = counter(meter, told.INCIDENTS)
        self._state_duration = histogram(meter, told.STATE_DURATION)
        self._incident_duration = histogram(meter, told.INCIDENT_DURATION)
        self._time_to_resolve = histogram(meter, told.TIME_TO_RESOLVE)
        self._confidence = histogram(meter, told.CONFIDENCE)
        self._prediction = histogram(meter, told.PREDICTION_CONFIDENCE)
        self._actions = counter(meter, told.ACTIONS)
        self._undone = counter(meter, told.UNDONE)
        self._verifications = counter(meter, told.VERIFICATIONS)
        self._votes = counter(meter, told.VOTES_CAST)
        self._decisions = counter(meter, told.DECISIONS)
        self._rulings = counter(meter, told.RULINGS)
        self._errors = counter(meter, told.ERRORS)

    def moved(self, incident: Incident, before: PipelineState, seconds: float) -> None:
        """An incident left a state after so many seconds."""
        self._state_duration.record(
            seconds, {"aegisops.state": before.value}, context_of(incident.traceparent)
        )

    def ended(self, state: PipelineState, incident: Incident, received_at: float, now: float) -> None:
        """An incident reached a final state; times are seconds since the epoch."""
        kind = {"aegisops.incident.type": incident.type.value}
        attributes = {"aegisops.state": state.value, **kind}
        context = context_of(incident.traceparent)
        self._incidents.add(1, attributes)
        self._incident_duration.record(max(0.0, now - received_at), attributes, context)
        if state is PipelineState.RESOLVED:
            self._time_to_resolve.record(max(0.0, now - incident.started_at), kind, context)

    def diagnosed(self, incident: Incident, diagnosis: Diagnosis) -> None:
        """A diagnosis was made."""
        attributes = {
            "aegisops.incident.type": diagnosis.incident_type.value,
            "aegisops.diagnosis.outcome": diagnosis.outcome.value,
        }
        self._confidence.record(diagnosis.confidence, attributes, context_of(incident.traceparent))

    def acted(self, action: ActionRecord) -> None:
        """An action ended."""
        self._actions.add(
            1,
            {
                "aegisops.action": action.action.value,
                "aegisops.action.outcome": action.outcome.value,
                "aegisops.action.risky": action.risky,
            },
        )

    def undone(self, action: ActionRecord) -> None:
        """An action was taken back, or could not be."""
        if action.undo is not None:
            self._undone.add(
                1, {"aegisops.action": action.action.value, "aegisops.action.outcome": action.undo.value}
            )

    def verified(self, incident: Incident, action: ActionRecord, diagnosis: Diagnosis) -> None:
        """An action was verified; `diagnosis` proposed it."""
        if action.verification is not None:
            attributes = {
                "aegisops.action": action.action.value,
                "aegisops.verification.outcome": action.verification.value,
            }
            self._verifications.add(1, attributes)
            self._prediction.record(diagnosis.confidence, attributes, context_of(incident.traceparent))

    def voted(self, decision: CouncilDecision) -> None:
        """The council decided."""
        self._decisions.add(
            1,
            {
                "aegisops.council.verdict": decision.verdict.value,
                "aegisops.action": decision.proposal.action.value,
            },
        )
        for vote in decision.votes:
            self._votes.add(
                1,
                {
                    "aegisops.vote.member": vote.member.value,
                    "aegisops.vote.approve": vote.approve,
                    "aegisops.vote.reason": vote.reason.value,
                },
            )

    def ruled(self, ruling: PolicyRuling) -> None:
        """The policy ruled."""
        self._rulings.add(
            1,
            {
                "aegisops.policy.decision": ruling.decision.value,
                "aegisops.policy.reason": ruling.reason.value,
            },
        )

    def outlived(self, where: str, error: BaseException) -> None:
        """An error was caught that is nobody else's business."""
        self._errors.add(1, {"aegisops.place": where, "error.type": type(error).__name__})


def moved_event(
    incident: Incident, before: PipelineState | None, state: PipelineState, root_cause: str = ""
) -> dict[str, str]:
    """The attributes of the log event that tells of a change of state; `before` is None at the receipt."""
    event = {
        "otel.event.name": told.MOVED.name,
        "aegisops.incident.id": incident.id,
        "aegisops.incident.type": incident.type.value,
        "aegisops.incident.service": incident.service,
        "aegisops.state": state.value,
    }
    if before is not None:
        event["aegisops.state.before"] = before.value
    if root_cause:
        event["aegisops.diagnosis.root_cause"] = sanitised(root_cause, _MAX_ROOT_CAUSE)
    return event


def link_to(traceparent: str) -> None:
    """Link the current span to the trace of the incident that it is about, where that is another one."""
    span = trace.get_current_span()
    incident = span_context_of(traceparent)
    if incident.is_valid and incident.trace_id != span.get_span_context().trace_id:
        span.add_link(incident)


def new_traceparent(ids: IdGenerator, received: str | None) -> str:
    """The W3C trace context `received` from a caller where it is valid, else a new one from `ids`."""
    if received and span_context_of(received).is_valid:
        return received
    return traceparent_of(new_span_context(ids))
