"""The steps up to a decision: let evidence gather, diagnose, have the council vote."""

from collections.abc import Callable

from responder import telemetry_registry as told
from responder.audit import AuditKind
from responder.incident_record import (
    ActionKind,
    Case,
    CouncilDecision,
    Diagnosis,
    DiagnosisOutcome,
    PipelineState,
    ProposedAction,
    Verdict,
)
from responder.pipeline.case_files import CaseFiles
from responder.pipeline.messages import decided
from responder.pipeline.next_step import Next
from responder.store import IncidentRow

_LOOK_S = 0.1


class Deciding:
    """From the receipt of an incident to a proposal that the council approved. `sleep` waits."""

    def __init__(self, files: CaseFiles, sleep: Callable[[float], None]) -> None:
        self._files = files
        self._sleep = sleep

    def settle(self, incident_id: str) -> str:
        """Wait until enough evidence has gathered, counted from the receipt (a crash adds nothing)."""
        files, config = self._files, self._files.config

        def settled(row: IncidentRow) -> bool:
            sure = row.incident.confidence >= config.sure
            return row.over or (sure and files.clock() - row.revised_at >= config.quiet_s)

        self._await(incident_id, config.settle_s, settled)
        return ""

    def analyse(self, incident_id: str, attempt: int) -> Next:
        """Diagnose the newest revision, with what was tried so far."""
        files = self._files
        row = files.row(incident_id)
        if row.over:
            return Next.OVER
        if attempt == 1:
            files.move(row, PipelineState.ANALYSING, "Looking for the cause", "1.analyse")
        else:
            message = "Looking for what else would help"
            files.move(row, PipelineState.COUNCIL_REVIEW, message, f"{attempt}.review")
        row = files.row(incident_id)
        diagnosis = self._diagnosed(row)
        while attempt == 1 and diagnosis.outcome is DiagnosisOutcome.NOT_ENOUGH_EVIDENCE:
            newer = self._newer(row)
            if newer is None:
                break
            if newer.over:
                return Next.OVER
            row, diagnosis = newer, self._diagnosed(newer)
        files.store.journal.save_diagnosis(incident_id, attempt, diagnosis)
        files.metrics.diagnosed(row.incident, diagnosis)
        files.note(row, f"Diagnosis ({diagnosis.analyst}): {diagnosis.root_cause}", f"{attempt}.diagnosis")
        if diagnosis.outcome is DiagnosisOutcome.NOT_ENOUGH_EVIDENCE:
            return Next.NOT_ENOUGH_EVIDENCE
        return Next.PROCEED

    def _newer(self, row: IncidentRow) -> IncidentRow | None:
        """The incident as it is told next; None where what else may come is not waited for any longer.

        A series is slower than another to show the same fault: who is called too early is called in vain.
        """
        return self._await(
            row.incident.id,
            self._files.config.patience_s,
            lambda newer: newer.over or newer.revised_at != row.revised_at,
        )

    def _await(
        self, incident_id: str, within_s: float, enough: Callable[[IncidentRow], bool]
    ) -> IncidentRow | None:
        """The incident as soon as `enough` holds of it; None where it did not so soon after its receipt."""
        files = self._files
        for _ in range(int(within_s / _LOOK_S) + 1):  # bounded, should the clock be set back
            row = files.row(incident_id)
            left = row.received_at + within_s - files.clock()
            if left <= 0:
                break
            if enough(row):
                return row
            self._sleep(min(_LOOK_S, left))
        return None

    def _diagnosed(self, row: IncidentRow) -> Diagnosis:
        files = self._files
        with files.stages.stage(told.ANALYSE, row.incident) as span:
            diagnosis = files.rooms.analyst.diagnose(files.case(row))
            span.set_attributes(
                {
                    "aegisops.diagnosis.outcome": diagnosis.outcome.value,
                    "aegisops.diagnosis.type": diagnosis.incident_type.value,
                    "aegisops.diagnosis.confidence": diagnosis.confidence,
                    "aegisops.diagnosis.analyst": diagnosis.analyst,
                    "aegisops.diagnosis.proposals": [one.action.value for one in diagnosis.proposals],
                }
            )
        return diagnosis

    def deliberate(self, incident_id: str, attempt: int, rank: int) -> Next:
        """Put the proposal of that rank (0: the best) to the council."""
        files = self._files
        row = files.row(incident_id)
        if row.over:
            return Next.OVER
        files.move(row, PipelineState.COUNCIL_REVIEW, "The council deliberates", f"{attempt}.council")
        case = files.case(row)
        diagnosis = files.diagnosis(incident_id, attempt)
        proposals = _proposals(case, diagnosis)
        if rank >= len(proposals):
            return Next.NOT_APPROVED if rank or case.allowed else Next.NOTHING_ALLOWED
        decision = self._decision(case, diagnosis, proposals[rank], attempt, rank)
        files.note(row, decided(decision), f"{attempt}.decision.{rank}")
        files.audit(
            AuditKind.COUNCIL_DECISION,
            row,
            "council",
            {
                "attempt": attempt,
                "rank": rank,
                "action": decision.proposal.action.value,
                "target": decision.proposal.target,
                "verdict": decision.verdict.value,
                "votes": [
                    {
                        "member": vote.member.value,
                        "approve": vote.approve,
                        "reason": vote.reason.value,
                        "explanation": vote.explanation,
                        "answered_by": vote.answered_by,
                    }
                    for vote in decision.votes
                ],
            },
            key=f"decision:{attempt}.{rank}",
        )
        if files.row(incident_id).over:
            return Next.OVER
        if decision.verdict is Verdict.NO_ACTION:
            return Next.NOTHING_WRONG if attempt == 1 else Next.NOT_HELPED
        if decision.verdict is Verdict.ESCALATED:
            return Next.DECLINED
        return Next.PROCEED

    def _decision(
        self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction, attempt: int, rank: int
    ) -> CouncilDecision:
        files = self._files
        known = files.store.journal.decision(case.incident.id, attempt, rank)
        if known is not None:
            return known
        with files.stages.stage(told.COUNCIL, case.incident) as span:
            decision = files.rooms.council.decide(case, diagnosis, proposal, attempt)
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
        files.store.journal.save_decision(case.incident.id, rank, decision)
        files.metrics.voted(decision)
        return decision


def _proposals(case: Case, diagnosis: Diagnosis) -> list[ProposedAction]:
    """What may be put to the council: allowed, on the incident's service, and not yet tried in it."""
    tried = {one.action for one in case.tried}
    return [
        one
        for one in diagnosis.proposals
        if one.action is ActionKind.NOOP
        or (one.action in case.allowed and one.target == case.incident.service and one.action not in tried)
    ]
