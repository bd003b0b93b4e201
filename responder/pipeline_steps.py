"""The steps of the pipeline: plain functions that read the store, ask a room, and write down what came of it.

Each writes under a key of its own, so that running it again after a crash changes nothing; what it answers
only says how to go on.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from responder.durable import StopGate
from responder.execution import Execution
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    Case,
    CouncilDecision,
    Diagnosis,
    DiagnosisOutcome,
    PipelineState,
    ProposedAction,
    Verdict,
    VerificationOutcome,
)
from responder.rooms import Rooms
from responder.store import IncidentRow, StepRef, Store
from responder.telemetry import PipelineMetrics, Stages

_LOG = logging.getLogger(__name__)
_SCALING = frozenset({ActionKind.SCALE_UP, ActionKind.SCALE_DOWN})
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class StepsConfig:
    """`settle_s`: how long evidence may gather before the diagnosis; shorter when the incident's type has at
    least `sure` confidence and nothing new came for `quiet_s`. `recent_s`: how far back the council sees
    what was done to the same target."""

    settle_s: float = 2.0
    sure: float = 0.8
    quiet_s: float = 0.5
    recent_s: float = 3600.0
    max_recent: int = 50


class Next(StrEnum):
    """How it goes on after a step: to the next step, to the next proposal, or to an end."""

    PROCEED = "proceed"
    DECLINED = "declined"
    RECOVERED = "recovered"
    OVER = "over"
    NOTHING_WRONG = "nothing_wrong"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"
    NOTHING_ALLOWED = "nothing_allowed"
    NOT_APPROVED = "not_approved"
    NOT_HELPED = "not_helped"


class PipelineSteps:
    """The steps, in the order of an incident's way. `clock` gives seconds since the epoch, `sleep` waits."""

    def __init__(
        self,
        *,
        config: StepsConfig,
        store: Store,
        rooms: Rooms,
        stages: Stages,
        metrics: PipelineMetrics,
        gate: StopGate,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._config = config
        self._store = store
        self._rooms = rooms
        self._execution = Execution(rooms.remedies, store.journal, gate, clock)
        self._stages = stages
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep

    def settle(self, incident_id: str) -> str:
        """Wait until enough evidence has gathered, counted from the receipt (a crash adds nothing)."""
        for _ in range(int(self._config.settle_s / _LOOK_S) + 1):  # bounded, should the clock be set back
            row = self._row(incident_id)
            now = self._clock()
            sure = row.incident.confidence >= self._config.sure
            if row.over or (sure and now - row.revised_at >= self._config.quiet_s):
                break
            left = row.received_at + self._config.settle_s - now
            if left <= 0:
                break
            self._sleep(min(_LOOK_S, left))
        return ""

    def analyse(self, incident_id: str, attempt: int) -> Next:
        """Diagnose the newest revision, with what was tried so far."""
        row = self._row(incident_id)
        if row.over:
            return Next.OVER
        if attempt == 1:
            self._move(row, PipelineState.ANALYSING, "Looking for the cause", "1.analyse")
        else:
            self._move(
                row, PipelineState.COUNCIL_REVIEW, "Looking for what else would help", f"{attempt}.review"
            )
        row = self._row(incident_id)
        with self._stages.stage("analyse", row.incident) as span:
            diagnosis = self._rooms.analyst.diagnose(self._case(row))
            span.set_attributes(
                {
                    "aegisops.diagnosis.outcome": diagnosis.outcome.value,
                    "aegisops.diagnosis.type": diagnosis.incident_type.value,
                    "aegisops.diagnosis.confidence": diagnosis.confidence,
                    "aegisops.diagnosis.analyst": diagnosis.analyst,
                    "aegisops.diagnosis.proposals": [one.action.value for one in diagnosis.proposals],
                }
            )
        self._store.journal.save_diagnosis(incident_id, attempt, diagnosis)
        self._note(row, f"Diagnosis ({diagnosis.analyst}): {diagnosis.root_cause}", f"{attempt}.diagnosis")
        if diagnosis.outcome is DiagnosisOutcome.NOT_ENOUGH_EVIDENCE:
            return Next.NOT_ENOUGH_EVIDENCE
        return Next.PROCEED

    def deliberate(self, incident_id: str, attempt: int, rank: int) -> Next:
        """Put the proposal of that rank (0: the best) to the council."""
        row = self._row(incident_id)
        if row.over:
            return Next.OVER
        self._move(row, PipelineState.COUNCIL_REVIEW, "The council deliberates", f"{attempt}.council")
        case = self._case(row)
        diagnosis = self._diagnosis(incident_id, attempt)
        proposals = _proposals(case, diagnosis)
        if rank >= len(proposals):
            return Next.NOT_APPROVED if rank or case.allowed else Next.NOTHING_ALLOWED
        decision = self._decision(case, diagnosis, proposals[rank], attempt, rank)
        self._note(row, _told(decision), f"{attempt}.decision.{rank}")
        if self._row(incident_id).over:
            return Next.OVER
        if decision.verdict is Verdict.NO_ACTION:
            return Next.NOTHING_WRONG if attempt == 1 else Next.NOT_HELPED
        if decision.verdict is Verdict.ESCALATED:
            return Next.DECLINED
        self._move(row, PipelineState.APPROVED, f"Approved: {_named(decision)}", f"{attempt}.approved")
        return Next.PROCEED

    def begin_action(self, incident_id: str, attempt: int, rank: int) -> int:
        """Write down that the approved action begins; answers how many steps it has."""
        row = self._row(incident_id)
        decision = self._store.journal.decision(incident_id, attempt, rank)
        if decision is None:
            raise LookupError(f"no decision {attempt}.{rank} of {incident_id}")
        proposal = decision.proposal
        # The last word on what may be done is the catalogue's, whatever was voted before.
        if proposal.action not in self._rooms.remedies.allowed(row.incident.service):
            raise PermissionError(f"{proposal.action} is not allowed for {row.incident.service}")
        risky = decision.verdict is Verdict.APPROVED_RISKY
        self._store.journal.begin_action(incident_id, attempt, proposal, risky=risky, at=self._clock())
        message = f"Attempt {attempt}: {_named(decision)} begins"
        self._move(row, PipelineState.EXECUTING, message, f"{attempt}.execute")
        return self._rooms.remedies.step_count(row.incident.service, proposal.action)

    def observe(self, incident_id: str, attempt: int, index: int) -> dict[str, str]:
        """What the executor sees before it acts, to tell after a crash whether it did."""
        action = self._action(incident_id, attempt)
        return dict(self._rooms.remedies.observe(action.target, action.action, index))

    def execute(self, incident_id: str, attempt: int, index: int, prior: dict[str, str]) -> ActionOutcome:
        """Perform one step of the action, once."""
        row = self._row(incident_id)
        action = self._action(incident_id, attempt)
        ref = StepRef(incident_id, attempt, index)
        if action.action in _SCALING:
            message = f"Replicas of {action.target} are being changed"
            self._move(row, PipelineState.SCALING, message, f"{attempt}.scale")
        with self._stages.stage("execute", row.incident) as span:
            result = self._execution.perform(action, ref, prior)
            span.set_attributes(
                {
                    "aegisops.action": action.action.value,
                    "aegisops.action.target": action.target,
                    "aegisops.action.attempt": attempt,
                    "aegisops.action.step": index,
                    "aegisops.action.risky": action.risky,
                    "aegisops.action.outcome": result.outcome.value,
                }
            )
        return result.outcome

    def end_action(self, incident_id: str, attempt: int) -> ActionOutcome:
        """Write down what became of the action as a whole: what became of its last step."""
        steps = self._store.journal.steps(incident_id, attempt)
        outcome = steps[-1].outcome
        detail = "; ".join(step.detail for step in steps if step.detail)
        self._store.journal.end_action(incident_id, attempt, outcome, detail, at=self._clock())
        action = self._action(incident_id, attempt)
        self._metrics.acted(action)
        message = f"{action.action} of {action.target} {outcome.value}: {detail}"
        self._note(self._row(incident_id), message, f"{attempt}.executed")
        return outcome

    def verify(self, incident_id: str, attempt: int) -> Next:
        """Wait for what the telemetry says about the action."""
        row = self._row(incident_id)
        action = self._action(incident_id, attempt)
        message = f"Waiting for the telemetry to show whether {action.action} helped"
        self._move(row, PipelineState.VERIFYING, message, f"{attempt}.verify")
        # The detector knows an incident that came by webhook first under an id of its own.
        asked = replace(row.incident, id=row.detector_id)
        with self._stages.stage("verify", row.incident) as span:
            verification = self._rooms.verifier.verify(asked, action.ended_at or action.started_at)
            span.set_attributes(
                {
                    "aegisops.action": action.action.value,
                    "aegisops.verification.outcome": verification.outcome.value,
                    "aegisops.verification.series": [one.series for one in verification.series[:20]],
                }
            )
        outcome, detail = verification.outcome, verification.detail
        self._store.journal.save_verification(incident_id, attempt, outcome, detail)
        self._metrics.verified(self._action(incident_id, attempt))
        self._note(row, f"Verification, {outcome.value}: {detail}", f"{attempt}.verified")
        return Next.RECOVERED if outcome is VerificationOutcome.RECOVERED else Next.NOT_HELPED

    def conclude(self, incident_id: str, state: PipelineState, message: str) -> str:
        """Move to the final state."""
        row = self._row(incident_id)
        actions = self._store.journal.actions(incident_id)
        if state is PipelineState.RESOLVED and not actions:
            message += "; no action was taken"
        elif actions:
            message += " (" + ", ".join(f"{one.action} of {one.target}" for one in actions) + ")"
        self._move(row, state, message, "end")
        return state

    def learn(self, incident_id: str) -> str:
        """Give the incident that ended to the runbook."""
        record = self._store.records.get(incident_id)
        if record is None:
            raise LookupError(f"no incident {incident_id}")
        with self._stages.stage("learn", record.incident) as span:
            span.set_attribute("aegisops.state", record.state.value)
            self._rooms.runbook.learn(record)
        return ""

    def fail(self, incident_id: str, reason: str) -> str:
        """Move to FAILED, unless the incident has ended already."""
        self._move(
            self._row(incident_id), PipelineState.FAILED, f"The pipeline cannot go on: {reason}", "end"
        )
        return ""

    def state(self, incident_id: str) -> str:
        """Where the incident stands."""
        return self._row(incident_id).state

    # What steps share

    def _row(self, incident_id: str) -> IncidentRow:
        row = self._store.incidents.get(incident_id)
        if row is None:
            raise LookupError(f"no incident {incident_id}")
        return row

    def _case(self, row: IncidentRow) -> Case:
        incident, config = row.incident, self._config
        return Case(
            incident=incident,
            allowed=self._rooms.remedies.allowed(incident.service),
            tried=self._store.journal.actions(incident.id),
            recent=self._store.journal.recent_actions(
                incident.service, incident.id, self._clock() - config.recent_s, config.max_recent
            ),
            matches=self._rooms.runbook.matches(incident),
        )

    def _diagnosis(self, incident_id: str, attempt: int) -> Diagnosis:
        diagnosis = self._store.journal.diagnosis(incident_id, attempt)
        if diagnosis is None:
            raise LookupError(f"no diagnosis {attempt} of {incident_id}")
        return diagnosis

    def _action(self, incident_id: str, attempt: int) -> ActionRecord:
        return next(one for one in self._store.journal.actions(incident_id) if one.attempt == attempt)

    def _decision(
        self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction, attempt: int, rank: int
    ) -> CouncilDecision:
        known = self._store.journal.decision(case.incident.id, attempt, rank)
        if known is not None:
            return known
        with self._stages.stage("council", case.incident) as span:
            decision = self._rooms.council.decide(case, diagnosis, proposal, attempt)
            span.set_attributes(
                {
                    "aegisops.action": proposal.action.value,
                    "aegisops.action.target": proposal.target,
                    "aegisops.action.attempt": attempt,
                    "aegisops.council.verdict": decision.verdict.value,
                    "aegisops.council.votes": [
                        f"{vote.member.value}={'yes' if vote.approve else 'no'}" for vote in decision.votes
                    ],
                }
            )
        self._store.journal.save_decision(case.incident.id, rank, decision)
        self._metrics.voted(decision)
        return decision

    def _move(self, row: IncidentRow, state: PipelineState, message: str, key: str) -> None:
        now = self._clock()
        move = self._store.timeline.move(row.incident.id, state, message, key=key, at=now)
        if move is None:
            return
        if move.before is not move.after:
            self._metrics.moved(move.before, move.seconds)
        if state.final:
            self._metrics.ended(state, row.incident, max(0.0, now - row.received_at))
        with self._stages.within(row.incident):
            _LOG.info("%s %s: %s", row.incident.id, state, message)

    def _note(self, row: IncidentRow, message: str, key: str) -> None:
        self._store.timeline.note(row.incident.id, message, key=key, at=self._clock())
        with self._stages.within(row.incident):
            _LOG.info("%s: %s", row.incident.id, message)


def _proposals(case: Case, diagnosis: Diagnosis) -> list[ProposedAction]:
    """What may be put to the council: allowed, on the incident's service, and not yet tried in it."""
    tried = {one.action for one in case.tried}
    return [
        one
        for one in diagnosis.proposals
        if one.action is ActionKind.NOOP
        or (one.action in case.allowed and one.target == case.incident.service and one.action not in tried)
    ]


def _named(decision: CouncilDecision) -> str:
    risky = " (risky)" if decision.verdict is Verdict.APPROVED_RISKY else ""
    return f"{decision.proposal.action} of {decision.proposal.target}{risky}"


def _told(decision: CouncilDecision) -> str:
    """The decision in one sentence."""
    if decision.verdict is Verdict.NO_ACTION:
        return f"Council: nothing to vote on, {decision.proposal.reason}"
    yes = sum(vote.approve for vote in decision.votes)
    against = "; ".join(
        f"{vote.member} against: {vote.explanation}" for vote in decision.votes if not vote.approve
    )
    proposal = decision.proposal
    told = f"Council: {yes} of {len(decision.votes)} for {proposal.action} of {proposal.target}"
    return f"{told} ({against})" if against else told
