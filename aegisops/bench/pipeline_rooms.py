"""Rooms that answer at once, so that what is measured is the pipeline between them."""
# ruff: noqa: ARG002 - what the rooms are asked is the protocols' to say; these answer without looking

from detector import Incident
from responder.diagnose import OfflineAnalyst
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    Case,
    CouncilDecision,
    Diagnosis,
    Experience,
    IncidentRecord,
    MemberRole,
    ProposedAction,
    RunbookMatch,
    Verdict,
    VerificationOutcome,
    Vote,
    VoteReason,
)
from responder.pipeline import Rooms
from responder.policy import PolicyDecision, PolicyReason, PolicyRuling
from responder.remediate import ActionResult, DryRun, PriorState, StepOutcome
from responder.verify import Verification

_ACTIONS = frozenset({ActionKind.RESTART})


def instant_rooms() -> Rooms:
    """The offline analyst as it is, and around it a council of three that agrees, a policy that allows,
    an action of one step that succeeds, a verifier that sees recovery, a runbook that remembers nothing."""
    return Rooms(
        analyst=OfflineAnalyst(),
        council=_Council(),
        remedies=_Remedies(),
        verifier=_Verifier(),
        runbook=_Runbook(),
        policy=_Policy(),
    )


class _Council:
    def decide(
        self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction, attempt: int
    ) -> CouncilDecision:
        votes = tuple(Vote(role, True, 0.9, VoteReason.SAFE, "as the bench has it") for role in MemberRole)
        return CouncilDecision(attempt, proposal, votes, Verdict.APPROVED)


class _Policy:
    def allowed(self, incident: Incident, catalogue: frozenset[ActionKind]) -> frozenset[ActionKind]:
        return catalogue

    def rule(self, case: Case, proposal: ProposedAction, now: float) -> PolicyRuling:
        return PolicyRuling(PolicyDecision.ACT, PolicyReason.ALLOWED, "as the bench has it")


class _Remedies:
    def allowed(self, service: str) -> frozenset[ActionKind]:
        return _ACTIONS

    def step_count(self, service: str, action: ActionKind) -> int:
        return 1

    def time_limit_s(self, service: str, action: ActionKind, index: int) -> float:
        return 30.0

    def observe(self, service: str, action: ActionKind, index: int) -> PriorState:
        return {}

    def already_done(self, service: str, action: ActionKind, index: int, prior: PriorState) -> StepOutcome:
        return StepOutcome.UNKNOWN

    def perform(
        self, service: str, action: ActionKind, index: int, key: str, prior: PriorState | None = None
    ) -> ActionResult:
        return ActionResult(ActionOutcome.SUCCEEDED, "nothing was done")

    def dry_run(self, service: str, action: ActionKind, index: int) -> DryRun:
        """Always possible."""
        return DryRun(True, "")

    def can_undo(self, service: str, action: ActionKind, index: int) -> bool:
        return False

    def undo(self, service: str, action: ActionKind, index: int, prior: PriorState, key: str) -> ActionResult:
        return ActionResult(ActionOutcome.REFUSED, "nothing can be taken back")


class _Verifier:
    def verify(self, incident: Incident, acted_at: float) -> Verification:
        return Verification(VerificationOutcome.RECOVERED, "as the bench has it", ())


class _Runbook:
    def matches(self, incident: Incident) -> tuple[RunbookMatch, ...]:
        return ()

    def experience(self, incident: Incident) -> tuple[Experience, ...]:
        return ()

    def learn(self, record: IncidentRecord) -> None:
        pass
