"""The state machine of an incident, as a durable workflow of plain steps.

    RECEIVED → ANALYSING → COUNCIL_REVIEW → APPROVED → EXECUTING → (SCALING) → VERIFYING → RESOLVED
                               ▲    │                                              │
                               │    └──▶ REJECTED, ESCALATED                       │
                               └───────── did not help, attempts are left ─────────┘

`Pipeline.run` is the workflow; the methods it hands to `step` are the steps. A step reads what it needs
from the store and writes there what came of it, each under a key, so that running it again after a crash
changes nothing; what it answers only says how to go on.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from responder.durable import Steps, StopGate
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
from responder.remediate import ActionResult, StepOutcome
from responder.rooms import Rooms
from responder.store import IncidentRow, StepRef, Store
from responder.telemetry import PipelineMetrics, Stages

_LOG = logging.getLogger(__name__)
_SCALING = frozenset({ActionKind.SCALE_UP, ActionKind.SCALE_DOWN})
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """`settle_s`: how long evidence may gather before the diagnosis; shorter when the incident's type has at
    least `sure` confidence and nothing new came for `quiet_s`. `recent_s`: how far back the council sees
    what was done to the same target."""

    settle_s: float = 2.0
    sure: float = 0.8
    quiet_s: float = 0.5
    max_attempts: int = 3
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


_ENDS: dict[Next, tuple[PipelineState, str]] = {
    Next.RECOVERED: (PipelineState.RESOLVED, "Resolved: the recovery is verified from telemetry"),
    Next.OVER: (PipelineState.RESOLVED, "Resolved: the detector reports that the fault is over by itself"),
    Next.NOTHING_WRONG: (PipelineState.REJECTED, "Nothing is wrong, so nothing is done"),
    Next.NOT_ENOUGH_EVIDENCE: (
        PipelineState.ESCALATED,
        "A human is needed: the evidence is not enough for a diagnosis",
    ),
    Next.NOTHING_ALLOWED: (
        PipelineState.ESCALATED,
        "A human is needed: the catalogue allows nothing that would help this service",
    ),
    Next.NOT_APPROVED: (PipelineState.ESCALATED, "A human is needed: no proposal (any more) was approved"),
    Next.NOT_HELPED: (PipelineState.ESCALATED, "A human is needed: nothing that was tried helped"),
}


class Pipeline:
    """Leads incidents through the rooms. `clock` gives seconds since the epoch, `sleep` waits."""

    def __init__(
        self,
        *,
        config: PipelineConfig,
        steps: Steps,
        store: Store,
        rooms: Rooms,
        stages: Stages,
        metrics: PipelineMetrics,
        gate: StopGate,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._config = config
        self._step = steps.step
        self._store = store
        self._rooms = rooms
        self._stages = stages
        self._metrics = metrics
        self._gate = gate
        self._clock = clock
        self._sleep = sleep

    # The workflow

    def run(self, incident_id: str) -> str:
        """Work the incident off; answers its final state. An error in it fails this incident alone."""
        try:
            end = self._way(incident_id)
            self._step("conclude", self.conclude, incident_id, end)
            self._step("learn", self.learn, incident_id)
        except Exception as error:  # noqa: BLE001 - one incident's error must not end the others; it is counted
            _LOG.exception("the pipeline failed on %s", incident_id)
            self._metrics.outlived("pipeline", error)
            self._step("fail", self.fail, incident_id, f"{type(error).__name__}: {error}")
        return self._step("state", self.state, incident_id)

    def _way(self, incident_id: str) -> Next:
        self._step("settle", self.settle, incident_id)
        for attempt in range(1, self._config.max_attempts + 1):
            found = Next(self._step("analyse", self.analyse, incident_id, attempt))
            if found is not Next.PROCEED:
                return found
            rank, ruling = self._council_way(incident_id, attempt)
            if ruling is not Next.PROCEED:
                return ruling
            if self._action_way(incident_id, attempt, rank) in (ActionOutcome.FAILED, ActionOutcome.REFUSED):
                continue
            if Next(self._step("verify", self.verify, incident_id, attempt)) is Next.RECOVERED:
                return Next.RECOVERED
        return Next.NOT_HELPED

    def _council_way(self, incident_id: str, attempt: int) -> tuple[int, Next]:
        rank = 0
        while True:
            ruling = Next(self._step("deliberate", self.deliberate, incident_id, attempt, rank))
            if ruling is not Next.DECLINED:
                return rank, ruling
            rank += 1

    def _action_way(self, incident_id: str, attempt: int, rank: int) -> ActionOutcome:
        for index in range(self._step("begin action", self.begin_action, incident_id, attempt, rank)):
            prior = self._step("observe", self.observe, incident_id, attempt, index)
            outcome = self._step("execute", self.execute, incident_id, attempt, index, prior)
            if outcome != ActionOutcome.SUCCEEDED:
                break
        return ActionOutcome(self._step("end action", self.end_action, incident_id, attempt))

    # The steps, in the order of an incident's way

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
        with self._stages.stage("execute", row.incident) as span, self._gate.acting():
            before = self._store.journal.begin_step(ref, prior, self._clock())
            if before is None:
                result = self._rooms.remedies.perform(action.target, action.action, index, ref.key)
            elif before.outcome is ActionOutcome.STARTED:
                result = self._finish_interrupted(action, ref, before.prior)
            else:
                result = ActionResult(before.outcome, before.detail)
            self._store.journal.end_step(ref, result.outcome, result.detail, self._clock())
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

    def conclude(self, incident_id: str, end: str) -> str:
        """Move to the final state."""
        state, message = _ENDS[Next(end)]
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

    def _finish_interrupted(
        self, action: ActionRecord, ref: StepRef, prior: Mapping[str, str]
    ) -> ActionResult:
        """A step that was begun and whose outcome nobody wrote down: look before doing anything."""
        remedies = self._rooms.remedies
        match remedies.already_done(action.target, action.action, ref.step, prior):
            case StepOutcome.DONE:
                detail = "it had taken effect before the responder was interrupted, and was not repeated"
                return ActionResult(ActionOutcome.SUCCEEDED, detail)
            case StepOutcome.NOT_DONE:
                return remedies.perform(action.target, action.action, ref.step, ref.key, prior)
            case StepOutcome.UNKNOWN:
                detail = "the responder was interrupted, and whether it took effect cannot be told"
                return ActionResult(ActionOutcome.INTERRUPTED, detail)

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
