"""What the policy asks of the past."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from responder.incident_record import ActionKind


@dataclass(frozen=True, slots=True)
class PastAction:
    """An action that was begun; `ended_at` is None while it runs. Times are seconds since the epoch."""

    incident_id: str
    action: ActionKind
    started_at: float
    ended_at: float | None


class History(Protocol):
    """What happened to a target; answers are bounded, the newest are kept."""

    def actions_on(self, target: str, since: float) -> Sequence[PastAction]:
        """Actions begun on `target` since then, in any order, but those that were refused."""
        ...

    def incidents_on(self, target: str, since: float) -> Sequence[float]:
        """When incidents of `target` were received since then, in any order."""
        ...
