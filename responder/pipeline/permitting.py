"""The step between council and action: the policy rules, and where it says so a human answers."""

from responder import telemetry_registry as told
from responder.approval import Answer, Approval
from responder.audit import AuditKind
from responder.incident_record import CouncilDecision, PipelineState, ProposedAction
from responder.pipeline.case_files import CaseFiles
from responder.pipeline.messages import answered, named, rehearsed
from responder.pipeline.next_step import Next
from responder.policy import PolicyDecision, PolicyReason, PolicyRuling
from responder.quantity import span as duration
from responder.store import IncidentRow

_WITHHELD = frozenset({PolicyReason.NEEDS_APPROVAL, PolicyReason.OBSERVE_MODE, PolicyReason.NO_POLICY})
"""Nothing but a human's word, or the mode, stands between the proposal and its being done."""


class Permitting:
    """Asks the policy after every approval of the council, and again right before the action."""

    def __init__(self, files: CaseFiles) -> None:
        self._files = files

    def rule(self, incident_id: str, attempt: int, rank: int, resumed: bool) -> dict[str, str]:
        """Whether what the council approved may be done: `next`, a `Next`, and `why` in words.

        `resumed`: the incident was taken up again because this proposal was answered, or its time is over.
        Only then does an answer count: what asked must not go on beside what the answer takes up.
        """
        files = self._files
        row = files.row(incident_id)
        if row.over:
            return _turn(Next.OVER)
        asked = files.approvals.get(incident_id, attempt, rank)
        if asked is not None:
            if not resumed:
                if asked.answer is None:  # asked just before a crash, perhaps, and the state not changed yet
                    self._wait(row, files.decision(incident_id, attempt, rank), asked)
                return _turn(Next.AWAIT)
            asked = self._answer(row, asked)
            if asked.answer is not Answer.APPROVED:
                return _turn(Next.REFUSED, answered(asked))
        return self._ruled(row, files.decision(incident_id, attempt, rank), rank, asked)

    def _ruled(
        self, row: IncidentRow, decision: CouncilDecision, rank: int, approved: Approval | None
    ) -> dict[str, str]:
        attempt = decision.attempt
        ruling = self._ruling(row, decision, rank, "decided")
        if ruling.reason in _WITHHELD and approved is None:
            self._rehearse(row, decision.proposal, f"rehearsal:{attempt}.{rank}")
        if ruling.decision is PolicyDecision.ASK and approved is None:
            self._ask(row, decision, rank, ruling)
            return _turn(Next.AWAIT)
        if ruling.decision is not PolicyDecision.REFUSE:
            by = f", by {approved.who}" if approved else ""
            message = f"Approved{by}: {named(decision)}"
            self._files.move(row, PipelineState.APPROVED, message, f"{attempt}.approved")
            return _turn(Next.PROCEED)
        if ruling.reason.of_action and approved is None:
            return _turn(Next.DECLINED)
        return _turn(Next.REFUSED, ruling.explanation)

    def still_permitted(self, row: IncidentRow, decision: CouncilDecision, rank: int) -> bool:
        """Whether it may be done now, a moment before it is done."""
        ruling = self._ruling(row, decision, rank, "before the action")
        if ruling.decision is PolicyDecision.ASK:
            asked = self._files.approvals.get(row.incident.id, decision.attempt, rank)
            return asked is not None and asked.answer is Answer.APPROVED
        return ruling.decision is PolicyDecision.ACT

    def _ruling(self, row: IncidentRow, decision: CouncilDecision, rank: int, moment: str) -> PolicyRuling:
        files, proposal, attempt = self._files, decision.proposal, decision.attempt
        with files.stages.stage(told.POLICY, row.incident) as span:
            ruling = files.rooms.policy.rule(files.case(row), proposal, files.clock())
            span.set_attributes(
                {
                    "aegisops.action": proposal.action.value,
                    "aegisops.action.target": proposal.target,
                    "aegisops.action.attempt": attempt,
                    "aegisops.policy.decision": ruling.decision.value,
                    "aegisops.policy.reason": ruling.reason.value,
                }
            )
        files.metrics.ruled(ruling)
        key = f"{attempt}.{rank}.{ruling.decision}.{ruling.reason}"
        files.audit(
            AuditKind.POLICY_RULING,
            row,
            "policy",
            {
                "attempt": attempt,
                "rank": rank,
                "action": proposal.action.value,
                "target": proposal.target,
                "decision": ruling.decision.value,
                "reason": ruling.reason.value,
                "explanation": ruling.explanation,
                "moment": moment,
            },
            key=f"ruling:{key}:{moment}",
        )
        if ruling.decision is not PolicyDecision.ACT:
            files.note(row, f"Policy: {ruling.explanation}", f"policy:{key}")
        return ruling

    def _rehearse(self, row: IncidentRow, proposal: ProposedAction, key: str) -> None:
        """Note what the action would do now, for the human who is asked or who looks on."""
        remedies, service, action = self._files.rooms.remedies, proposal.target, proposal.action
        tried = [remedies.dry_run(service, action, i) for i in range(remedies.step_count(service, action))]
        self._files.note(row, rehearsed(proposal, tried), key)

    def _ask(self, row: IncidentRow, decision: CouncilDecision, rank: int, ruling: PolicyRuling) -> None:
        files, attempt = self._files, decision.attempt
        now = files.clock()
        asked = files.approvals.request(
            row.incident.id,
            attempt,
            rank,
            decision.proposal,
            explanation=f"{ruling.explanation}. {decision.proposal.reason}",
            at=now,
            expires_at=now + ruling.approval_timeout_s,
        )
        self._wait(row, decision, asked)

    def _wait(self, row: IncidentRow, decision: CouncilDecision, asked: Approval) -> None:
        limit = duration(asked.expires_at - asked.requested_at)
        message = f"Waiting for a human to approve {named(decision)}, for at most {limit}"
        key = f"{asked.attempt}.await.{asked.rank}"
        self._files.move(row, PipelineState.AWAITING_APPROVAL, message, key)

    def _answer(self, row: IncidentRow, asked: Approval) -> Approval:
        if asked.answer is None:
            asked = self._files.approvals.expire(asked, self._files.clock())
        self._files.note(row, answered(asked).capitalize(), f"{asked.attempt}.answer.{asked.rank}")
        return asked


def _turn(step: Next, why: str = "") -> dict[str, str]:
    return {"next": step.value, "why": why}
