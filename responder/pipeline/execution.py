"""Performing one step of an action exactly once, whatever happens in between.

Before a step is performed it is written down that it begins, and after it what came of it. Found begun
and not ended, it was interrupted: then the executor looks whether it took effect, and only a step that
plainly did not is performed again. Where another responder began it, that one may only have lost its
database and still be at it: so a step is performed again only when that one is surely dead, or the step's
time limit has passed since.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from responder.incident_record import ActionOutcome, ActionRecord
from responder.pipeline.durable import StopGate
from responder.pipeline.instance import surely_dead
from responder.pipeline.rooms import Remediation
from responder.remediate import ActionResult, StepOutcome
from responder.store import ActionStep, Journal, StepRef, StoreUnavailableError

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.5
_CLOCKS_DIFFER_S = 5.0


class Execution:
    """Performs steps by `remedies`, with `journal` as its memory, as the responder `instance`.

    `clock`: seconds since the epoch; `sleep` waits.
    """

    def __init__(
        self,
        remedies: Remediation,
        journal: Journal,
        gate: StopGate,
        instance: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._remedies = remedies
        self._journal = journal
        self._gate = gate
        self._instance = instance
        self._clock = clock
        self._sleep = sleep

    def perform(self, action: ActionRecord, ref: StepRef, prior: Mapping[str, str]) -> ActionResult:
        """What came of the step, now or before. `prior`: what was observed before its first try.

        Raises TakenOverError where the step is not this responder's (any more).
        """
        self._wait_for_others(action, ref)
        with self._gate.acting():
            before = self._journal.begin_step(ref, prior, self._instance, self._clock())
            if before is None:
                result = self._remedies.perform(action.target, action.action, ref.step, ref.key)
            elif before.outcome is ActionOutcome.STARTED:
                result = self._finish(action, ref, before)
            else:
                return ActionResult(before.outcome, before.detail)
            self._write_down(ref, result)
            return result

    def undo(self, action: ActionRecord, steps: Sequence[tuple[StepRef, Mapping[str, str]]]) -> ActionResult:
        """Take back `steps` of the action in this order, each to what was before it, until one fails.

        Not once but at least once: what was brought back already is left alone. Raises TakenOverError where
        the action is not this responder's any more.
        """
        for ref, _ in steps:
            self._wait_for_others(action, ref)
        told: list[str] = []
        with self._gate.acting():
            ref = steps[0][0]
            self._journal.begin_undo(ref.incident_id, ref.attempt, self._instance)
            for ref, prior in steps:
                result = self._remedies.undo(action.target, action.action, ref.step, prior, f"{ref.key}:undo")
                told.append(result.detail)
                if result.outcome is not ActionOutcome.SUCCEEDED:
                    break
            result = ActionResult(result.outcome, "; ".join(told))
            self._journal.end_undo(ref.incident_id, ref.attempt, result.outcome, result.detail)
        return result

    def _write_down(self, ref: StepRef, result: ActionResult) -> None:
        """Keep what came of a step, however long that takes: once it is forgotten it can only be guessed."""
        at = self._clock()
        while True:
            try:
                self._journal.end_step(ref, result.outcome, result.detail, at)
                return
            except StoreUnavailableError as error:
                _LOG.warning("what came of %s cannot be written down yet: %s", ref.key, error)
                self._sleep(_LOOK_S)

    def _finish(self, action: ActionRecord, ref: StepRef, before: ActionStep) -> ActionResult:
        """A step that was begun and whose outcome nobody wrote down."""
        match self._remedies.already_done(action.target, action.action, ref.step, before.prior):
            case StepOutcome.DONE:
                detail = "it had taken effect before the responder was interrupted, and was not repeated"
                return ActionResult(ActionOutcome.SUCCEEDED, detail)
            case StepOutcome.NOT_DONE:
                self._journal.begin_step_again(ref, before, self._instance, self._clock())
                return self._remedies.perform(action.target, action.action, ref.step, ref.key, before.prior)
            case StepOutcome.UNKNOWN:
                detail = "the responder was interrupted, and whether it took effect cannot be told"
                return ActionResult(ActionOutcome.INTERRUPTED, detail)

    def _wait_for_others(self, action: ActionRecord, ref: StepRef) -> None:
        """Until nobody else can be performing the step any more."""
        limit_s = self._remedies.time_limit_s(action.target, action.action, ref.step) + _CLOCKS_DIFFER_S
        waited_s = 0.0
        while True:
            step = self._journal.step(ref)
            if step is None or step.outcome is not ActionOutcome.STARTED:
                return
            if step.begun_by == self._instance or surely_dead(step.begun_by):
                return
            # However far the clock was set back, the limit has passed once it was waited for.
            if self._clock() >= step.started_at + limit_s or waited_s >= limit_s:
                return
            self._gate.enter()
            self._sleep(_LOOK_S)
            waited_s += _LOOK_S
