"""What the pipeline needs of the rooms it leads an incident through."""

from dataclasses import dataclass
from typing import Protocol

from detector import Incident
from responder.diagnose import Analyst
from responder.incident_record import (
    ActionKind,
    Case,
    CouncilDecision,
    Diagnosis,
    Experience,
    IncidentRecord,
    ProposedAction,
    RunbookMatch,
)
from responder.policy import PolicyRuling
from responder.remediate import ActionResult, DryRun, PriorState, StepOutcome
from responder.verify import Verification


class Deliberation(Protocol):
    """Decides about a proposal; blocks for at most its deadline and does not raise."""

    def decide(
        self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction, attempt: int
    ) -> CouncilDecision:
        """The votes on `proposal` and what they came to."""
        ...


class Ruling(Protocol):
    """What no vote can overrule."""

    def allowed(self, incident: Incident, catalogue: frozenset[ActionKind]) -> frozenset[ActionKind]:
        """Which of the catalogue's actions may be thought of for this incident."""
        ...

    def rule(self, case: Case, proposal: ProposedAction, now: float) -> PolicyRuling:
        """Act, ask a human, or refuse, at `now` (seconds since the epoch)."""
        ...


class Remediation(Protocol):
    """Knows what may be done with a service and does it, step by step (from 0)."""

    def allowed(self, service: str) -> frozenset[ActionKind]:
        """What may be done with `service`; empty when it may not be touched."""
        ...

    def step_count(self, service: str, action: ActionKind) -> int:
        """How many steps the action has."""
        ...

    def time_limit_s(self, service: str, action: ActionKind, index: int) -> float:
        """How many seconds a step may take at most."""
        ...

    def observe(self, service: str, action: ActionKind, index: int) -> PriorState:
        """The state before a step; changes nothing."""
        ...

    def already_done(self, service: str, action: ActionKind, index: int, prior: PriorState) -> StepOutcome:
        """After a crash: did the step take effect since `prior`?"""
        ...

    def perform(
        self, service: str, action: ActionKind, index: int, key: str, prior: PriorState | None = None
    ) -> ActionResult:
        """Do one step; `prior` only to finish one that a crash interrupted."""
        ...

    def dry_run(self, service: str, action: ActionKind, index: int) -> DryRun:
        """What one step would do now; changes nothing."""
        ...

    def can_undo(self, service: str, action: ActionKind, index: int) -> bool:
        """Whether one step can be taken back."""
        ...

    def undo(self, service: str, action: ActionKind, index: int, prior: PriorState, key: str) -> ActionResult:
        """Take back one step, to what `prior` was; may be repeated."""
        ...


class Verifying(Protocol):
    """Reads from telemetry whether an action helped."""

    def verify(self, incident: Incident, acted_at: float) -> Verification:
        """Blocks until it is settled, at most about its time-out."""
        ...


class Learning(Protocol):
    """Remembers what helped against what."""

    def matches(self, incident: Incident) -> tuple[RunbookMatch, ...]:
        """What is remembered of incidents like this one, most similar first."""
        ...

    def experience(self, incident: Incident) -> tuple[Experience, ...]:
        """What was seen of each action, from the side of the incident's service."""
        ...

    def learn(self, record: IncidentRecord) -> object:
        """Take in an incident that ended; once for each incident, however often it is called."""
        ...


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms an incident goes through."""

    analyst: Analyst
    council: Deliberation
    remedies: Remediation
    verifier: Verifying
    runbook: Learning
    policy: Ruling
