"""What the policy answers."""

from dataclasses import dataclass
from enum import StrEnum


class PolicyDecision(StrEnum):
    """Do it, ask a human first, or leave it."""

    ACT = "act"
    ASK = "ask"
    REFUSE = "refuse"


class PolicyReason(StrEnum):
    """Why the policy ruled as it did, for tests, metrics and people alike."""

    ALLOWED = "allowed"
    NEEDS_APPROVAL = "needs_approval"
    NO_POLICY = "no_policy"
    NOT_IN_SCOPE = "not_in_scope"
    OBSERVE_MODE = "observe_mode"
    TARGET_NOT_OF_INCIDENT = "target_not_of_incident"
    NOT_IN_CATALOGUE = "not_in_catalogue"
    ACTION_NOT_ALLOWED = "action_not_allowed"
    MAINTENANCE = "maintenance"
    FLAPPING = "flapping"
    RATE_LIMITED = "rate_limited"
    ACTION_RATE_LIMITED = "action_rate_limited"
    COOLING_DOWN = "cooling_down"
    BLAST_RADIUS = "blast_radius"

    @property
    def of_action(self) -> bool:
        """True where another action on the same target could still be let through."""
        return self in _OF_ACTION


_OF_ACTION = frozenset(
    {
        PolicyReason.TARGET_NOT_OF_INCIDENT,
        PolicyReason.NOT_IN_CATALOGUE,
        PolicyReason.ACTION_NOT_ALLOWED,
        PolicyReason.ACTION_RATE_LIMITED,
        PolicyReason.BLAST_RADIUS,
    }
)


@dataclass(frozen=True, slots=True)
class PolicyRuling:
    """The policy's answer about one proposal. `approval_timeout_s`: how long a human may take to answer."""

    decision: PolicyDecision
    reason: PolicyReason
    explanation: str
    approval_timeout_s: float = 900.0
