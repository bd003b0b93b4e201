"""The responder's telemetry about itself: set-up by the standard `OTEL_*` variables, spans and metrics.

Nothing is exported unless an OTLP endpoint or an exporter is named in the environment.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from detector import Incident
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

SCOPE = "aegisops.responder"
_MAX_SERIES = 20
_TRACE_CONTEXT = TraceContextTextMapPropagator()


class Stages:
    """Spans of the pipeline's stages, each a child of the incident's own trace context."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer(SCOPE)

    @contextmanager
    def stage(self, name: str, incident: Incident) -> Iterator[trace.Span]:
        """The current span while a stage lasts; an exception is recorded on it and goes on."""
        parent = _TRACE_CONTEXT.extract({"traceparent": incident.traceparent}, Context())
        attributes = {
            "aegisops.incident.id": incident.id,
            "aegisops.incident.type": incident.type.value,
            "aegisops.incident.service": incident.service,
            "aegisops.incident.revision": incident.revision,
            "aegisops.incident.series": [one.series for one in incident.evidence[:_MAX_SERIES]],
        }
        with self._tracer.start_as_current_span(name, context=parent, attributes=attributes) as span:
            yield span

    @contextmanager
    def within(self, incident: Incident) -> Iterator[None]:
        """Inside, logs carry the incident's trace; no span of its own."""
        parent = _TRACE_CONTEXT.extract({"traceparent": incident.traceparent}, Context())
        with trace.use_span(trace.get_current_span(parent)):
            yield

    def traced(self, member: CouncilMember) -> CouncilMember:
        """`member`, with a span around each of its votes."""
        return _TracedMember(member, self._tracer)


class _TracedMember:
    def __init__(self, member: CouncilMember, tracer: trace.Tracer) -> None:
        self._member = member
        self._tracer = tracer
        self.role: MemberRole = member.role

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        with self._tracer.start_as_current_span(f"vote {self.role.value}") as span:
            vote = self._member.vote(case, diagnosis, proposal)
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
    """The pipeline's counters and histograms, `aegisops.responder.*`."""

    def __init__(self, provider: metrics.MeterProvider) -> None:
        meter = provider.get_meter(SCOPE)
        self._incidents = meter.create_counter(
            "aegisops.responder.incidents", unit="{incident}", description="Incidents by final state."
        )
        self._state_duration = meter.create_histogram(
            "aegisops.responder.state.duration", unit="s", description="Time incidents spend in a state."
        )
        self._incident_duration = meter.create_histogram(
            "aegisops.responder.incident.duration", unit="s", description="Time from receipt to final state."
        )
        self._actions = meter.create_counter(
            "aegisops.responder.actions", unit="{action}", description="Actions by kind and outcome."
        )
        self._undone = meter.create_counter(
            "aegisops.responder.undone", unit="{action}", description="Actions taken back, by outcome."
        )
        self._verifications = meter.create_counter(
            "aegisops.responder.verifications", unit="{verification}", description="Verifications by outcome."
        )
        self._votes = meter.create_counter(
            "aegisops.responder.votes", unit="{vote}", description="Votes by member, answer and reason."
        )
        self._rulings = meter.create_counter(
            "aegisops.responder.policy.rulings",
            unit="{ruling}",
            description="Rulings of the policy by decision and reason.",
        )
        self._errors = meter.create_counter(
            "aegisops.responder.errors", unit="{error}", description="Errors the pipeline outlived."
        )

    def moved(self, before: PipelineState, seconds: float) -> None:
        """An incident left a state after so many seconds."""
        self._state_duration.record(seconds, {"aegisops.state": before.value})

    def ended(self, state: PipelineState, incident: Incident, seconds: float) -> None:
        """An incident reached a final state, so many seconds after it was received."""
        attributes = {"aegisops.state": state.value, "aegisops.incident.type": incident.type.value}
        self._incidents.add(1, attributes)
        self._incident_duration.record(seconds, attributes)

    def acted(self, action: ActionRecord) -> None:
        """An action ended."""
        self._actions.add(
            1, {"aegisops.action": action.action.value, "aegisops.action.outcome": action.outcome.value}
        )

    def undone(self, action: ActionRecord) -> None:
        """An action was taken back, or could not be."""
        if action.undo is not None:
            self._undone.add(
                1, {"aegisops.action": action.action.value, "aegisops.action.outcome": action.undo.value}
            )

    def verified(self, action: ActionRecord) -> None:
        """An action was verified."""
        if action.verification is not None:
            self._verifications.add(
                1,
                {
                    "aegisops.action": action.action.value,
                    "aegisops.verification.outcome": action.verification.value,
                },
            )

    def voted(self, decision: CouncilDecision) -> None:
        """The council decided."""
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


def new_traceparent(ids: IdGenerator, received: str | None) -> str:
    """The W3C trace context `received` from a caller where it is valid, else a new one from `ids`."""
    if received:
        parent = _TRACE_CONTEXT.extract({"traceparent": received}, Context())
        context = trace.get_current_span(parent).get_span_context()
        if context.is_valid:
            return received
    return f"00-{ids.generate_trace_id():032x}-{ids.generate_span_id():016x}-01"
