"""What executors have in common whose other side can be looked at, such as a process manager or a cluster."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from responder.incident_record import ActionOutcome
from responder.redaction import redact
from responder.remediate.declaration import Declared
from responder.remediate.executor import ActionResult, DryRun, PriorState, StepOutcome
from responder.remediate.step_error import StepError
from responder.remediate.time_limit import TimeLimit

StepT = TypeVar("StepT", bound=Declared)
SessionT = TypeVar("SessionT")
BeforeT = TypeVar("BeforeT")

_DETAIL_LIMIT = 600
_UNREACHABLE = "unreachable"


class LookingExecutor(ABC, Generic[StepT, SessionT, BeforeT]):
    """Implements `Executor` and `Undoable` but for how to look and how to act: the abstract methods say that.

    Each of them may raise `StepError`, which is answered as the contract wants it. `StepT`: the operations;
    `SessionT`: what one of them is looked at and done by; `BeforeT`: the prior state as it is read back.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep

    @abstractmethod
    def session(self, step: StepT, limit: TimeLimit) -> AbstractContextManager[SessionT]:
        """A way to the other side, for one step and no longer than `limit`."""

    @abstractmethod
    def remember(self, session: SessionT, step: StepT) -> PriorState:
        """What is there now, as far as the step may change it."""

    @abstractmethod
    def recall(self, prior: PriorState) -> BeforeT | None:
        """What `remember` wrote; None where it makes no sense."""

    @abstractmethod
    def done_since(self, session: SessionT, step: StepT, before: BeforeT) -> StepOutcome:
        """Whether the step took effect since `before`, by what is there now."""

    @abstractmethod
    def intended(self, session: SessionT, step: StepT) -> str:
        """What the step would do now, in words that begin with "would"; changes nothing."""

    @abstractmethod
    def carry_out(self, session: SessionT, step: StepT, before: BeforeT | None, key: str) -> str:
        """Do the step; what was done, in words. `before` given: only what is left of it since then."""

    @abstractmethod
    def can_undo(self, step: StepT) -> bool:
        """Whether such a step can be taken back at all."""

    @abstractmethod
    def take_back(self, session: SessionT, step: StepT, before: BeforeT, key: str) -> str:
        """Bring back what was there `before`, as far as the step changed it; what was done, in words."""

    def observe(self, step: StepT) -> PriorState:
        """`unreachable` and why where the other side does not say."""
        try:
            with self._begun(step) as session:
                return self.remember(session, step)
        except StepError as error:
            return {_UNREACHABLE: redact(str(error), _DETAIL_LIMIT)}

    def already_done(self, step: StepT, prior: PriorState) -> StepOutcome:
        """By what is there now, compared with `prior`."""
        before = self._recalled(prior)
        if before is None:
            return StepOutcome.UNKNOWN
        try:
            with self._begun(step) as session:
                return self.done_since(session, step, before)
        except StepError:
            return StepOutcome.UNKNOWN

    def dry_run(self, step: StepT) -> DryRun:
        """By what is there now."""
        try:
            with self._begun(step) as session:
                return DryRun(True, redact(self.intended(session, step), _DETAIL_LIMIT))
        except StepError as error:
            return DryRun(False, redact(str(error), _DETAIL_LIMIT))

    def perform(self, step: StepT, key: str, prior: PriorState | None = None) -> ActionResult:
        """Succeeds once what was asked for is seen to be so; finishes an interrupted step."""
        before = None if prior is None else self._recalled(prior)
        return self._answered(step, lambda session: self.carry_out(session, step, before, key))

    def undo(self, step: StepT, prior: PriorState, key: str) -> ActionResult:
        """Succeeds once what was there before is seen to be so again."""
        before = self._recalled(prior)
        if before is None:
            return ActionResult(ActionOutcome.FAILED, "what was there before the step is not known")
        return self._answered(step, lambda session: self.take_back(session, step, before, key))

    def _begun(self, step: StepT) -> AbstractContextManager[SessionT]:
        return self.session(
            step, TimeLimit(step.time_limit_s(), self._monotonic(), self._monotonic, self._sleep)
        )

    def _recalled(self, prior: PriorState) -> BeforeT | None:
        return None if _UNREACHABLE in prior else self.recall(prior)

    def _answered(self, step: StepT, act: Callable[[SessionT], str]) -> ActionResult:
        try:
            with self._begun(step) as session:
                outcome, detail = ActionOutcome.SUCCEEDED, act(session)
        except StepError as error:
            outcome, detail = error.outcome, str(error)
        return ActionResult(outcome, redact(detail, _DETAIL_LIMIT))
