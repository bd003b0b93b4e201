"""The contract of an executor, and the result of an action."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable

from responder.incident_record import ActionOutcome

StepT_contra = TypeVar("StepT_contra", contravariant=True)

PriorState = Mapping[str, str]
"""What an executor saw before it acted (for instance a process's pid and start time), kept durably so
that after a crash it can tell whether the step already took effect."""


class StepOutcome(StrEnum):
    """Whether a step took effect, as far as the executor can tell by looking."""

    DONE = "done"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"

    @classmethod
    def of_all(cls, parts: Iterable["StepOutcome"]) -> "StepOutcome":
        """Of a step of several parts: not done if one certainly is not, done only if all are known to be."""
        outcomes = set(parts) or {cls.UNKNOWN}
        return next(one for one in (cls.NOT_DONE, cls.UNKNOWN, cls.DONE) if one in outcomes)


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What came of an action: its outcome and one sentence about it."""

    outcome: ActionOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a step would do now, and whether, as far as looking tells, it could be done."""

    possible: bool
    detail: str


class Executor(Protocol[StepT_contra]):
    """Carries out one kind of step (`StepT_contra`: the step's own validated model). One file each.

    Called from a worker thread. Errors of the world outside (refused connection, exit status) are answered
    as `ActionOutcome.FAILED` with the reason, not raised; `ActionOutcome.INTERRUPTED` where the step was
    begun and no answer came in time, so that it is unknown whether it took effect. `key` is the idempotency
    key of this step in this attempt of this incident: the same key is never performed twice by the
    responder, and is passed on where the other side can use it.
    """

    def observe(self, step: StepT_contra) -> PriorState:
        """The state before the step; must change nothing."""
        ...

    def dry_run(self, step: StepT_contra) -> DryRun:
        """What `perform` would do now; looks where the other side can be looked at, and changes nothing."""
        ...

    def already_done(self, step: StepT_contra, prior: PriorState) -> StepOutcome:
        """After a crash: did the step take effect since `prior` was observed?"""
        ...

    def perform(self, step: StepT_contra, key: str, prior: PriorState | None = None) -> ActionResult:
        """Do it, within the step's time limit.

        `prior` is given only when a step interrupted by a crash is performed again (`already_done` said
        `NOT_DONE`): what was observed before the first try, so that the step is finished and not repeated.
        """
        ...


@runtime_checkable
class Undoable(Protocol[StepT_contra]):
    """An executor that can take back some of its steps."""

    def can_undo(self, step: StepT_contra) -> bool:
        """Whether such a step can be taken back at all."""
        ...

    def undo(self, step: StepT_contra, prior: PriorState, key: str) -> ActionResult:
        """Bring back what `prior` was observed to be before the step, and nothing beyond what the step did.

        May be repeated: what was brought back already is left alone. Answers as `perform` does.
        """
        ...
