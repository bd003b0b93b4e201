"""What one ended incident teaches."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    IncidentRecord,
    PastOutcome,
    PipelineState,
    VerificationOutcome,
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """`outcomes`: per action, how often it helped and how often not; `resolution_ms`: None if unresolved."""

    state: PipelineState
    outcomes: tuple[PastOutcome, ...]
    resolution_ms: float | None


def lesson_of(record: IncidentRecord) -> Lesson:
    """The lesson of a record in a final state; raises ValueError in another one."""
    if not record.state.final:
        raise ValueError(f"incident {record.incident.id} is still {record.state}: only ended incidents teach")
    helped = Counter(a.action for a in record.actions if _helped(a) is True)
    failed = Counter(a.action for a in record.actions if _helped(a) is False)
    resolution_ms = None
    if record.state is PipelineState.RESOLVED and record.resolved_at is not None:
        resolution_ms = max(0.0, (record.resolved_at - record.received_at) * 1000)
    return Lesson(record.state, outcomes_of(helped, failed), resolution_ms)


def added(outcomes: Iterable[PastOutcome], more: Iterable[PastOutcome]) -> tuple[PastOutcome, ...]:
    """The sums, action by action."""
    helped: Counter[ActionKind] = Counter()
    failed: Counter[ActionKind] = Counter()
    for outcome in (*outcomes, *more):
        helped[outcome.action] += outcome.successes
        failed[outcome.action] += outcome.failures
    return outcomes_of(helped, failed)


def outcomes_of(helped: Counter[ActionKind], failed: Counter[ActionKind]) -> tuple[PastOutcome, ...]:
    """One outcome an action, in the order of `ActionKind`."""
    return tuple(PastOutcome(a, helped[a], failed[a]) for a in ActionKind if a in helped or a in failed)


def _helped(action: ActionRecord) -> bool | None:
    """None where nothing was seen: refused, never verified, or nothing was done at all."""
    if action.action is ActionKind.NOOP or action.outcome is ActionOutcome.REFUSED:
        return None
    if action.outcome is ActionOutcome.FAILED:
        return False
    if action.verification is None:
        return None
    return action.verification is VerificationOutcome.RECOVERED
