"""What the timeline says of decisions, actions and verifications."""

from collections.abc import Sequence

from responder.approval import Answer, Approval
from responder.incident_record import (
    ActionOutcome,
    ActionRecord,
    CouncilDecision,
    MemberRole,
    ProposedAction,
    Verdict,
    VerificationOutcome,
)
from responder.quantity import span
from responder.remediate import DryRun

_SEATS = {
    MemberRole.SECURITY_OFFICER: "Security Officer",
    MemberRole.AUDITOR: "Auditor",
    MemberRole.SRE_LEAD: "SRE Lead",
}
_DONE = {
    ActionOutcome.STARTED: "has begun",
    ActionOutcome.SUCCEEDED: "was carried out",
    ActionOutcome.FAILED: "failed",
    ActionOutcome.REFUSED: "was refused",
    ActionOutcome.INTERRUPTED: "may or may not have taken effect",
}
_SEEN = {
    VerificationOutcome.RECOVERED: "Recovered",
    VerificationOutcome.NOT_RECOVERED: "Not recovered",
    VerificationOutcome.MADE_WORSE: "Made worse",
}


def named(decision: CouncilDecision) -> str:
    """The action decided about."""
    risky = " (risky)" if decision.verdict is Verdict.APPROVED_RISKY else ""
    return f"{decision.proposal.action} of {decision.proposal.target}{risky}"


def decided(decision: CouncilDecision) -> str:
    """The decision in one sentence."""
    if decision.verdict is Verdict.NO_ACTION:
        return f"Council: nothing to vote on, {decision.proposal.reason}"
    yes = sum(vote.approve for vote in decision.votes)
    against = " ".join(
        f"{_SEATS[vote.member]} against: {vote.explanation}" for vote in decision.votes if not vote.approve
    )
    proposal = decision.proposal
    told = f"Council: {yes} of {len(decision.votes)} for {proposal.action} of {proposal.target}"
    return f"{told}. {against}" if against else told


def rehearsed(proposal: ProposedAction, steps: Sequence[DryRun]) -> str:
    """What the steps of an action would do now."""
    told = "; ".join(one.detail for one in steps)
    what = f"{proposal.action} of {proposal.target}"
    if all(one.possible for one in steps):
        return f"Dry run of {what}: {told}"
    return f"Dry run of {what}, which could not be done now: {told}"


def answered(asked: Approval) -> str:
    """What humans said to a request for approval."""
    what = f"{asked.action} of {asked.target}"
    if asked.answer is None or asked.answer is Answer.EXPIRED:
        return f"nobody approved {what} within {span(asked.expires_at - asked.requested_at)}"
    return f"{asked.who} {asked.answer} {what}: {asked.why}"


def acted(action: ActionRecord) -> str:
    """What became of an action."""
    told = f"{action.action} of {action.target} {_DONE[action.outcome]}"
    return f"{told}: {action.detail}" if action.detail else told


def taken_back(action: ActionRecord) -> str:
    """What came of taking an action back."""
    what = f"{action.action} of {action.target}"
    if action.undo is ActionOutcome.SUCCEEDED:
        return f"{what} was taken back: {action.undo_detail}"
    return f"{what} could not be taken back, so somebody should look at it: {action.undo_detail}"


def verified(outcome: VerificationOutcome, detail: str) -> str:
    """What the telemetry showed."""
    return f"{_SEEN[outcome]}. {detail}"
