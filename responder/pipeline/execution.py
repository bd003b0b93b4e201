"""Performing one step of an action exactly once, whatever happens in between.

Before a step is performed it is written down that it begins, and after it what came of it. Found begun
and not ended, it was interrupted: then the executor looks whether it took effect, and only a step that
plainly did not is performed again.
"""

from collections.abc import Callable, Mapping

from responder.incident_record import ActionOutcome, ActionRecord
from responder.pipeline.durable import StopGate
from responder.pipeline.rooms import Remediation
from responder.remediate import ActionResult, StepOutcome
from responder.store import Journal, StepRef


class Execution:
    """Performs steps by `remedies`, with `journal` as its memory. `clock`: seconds since the epoch."""

    def __init__(
        self, remedies: Remediation, journal: Journal, gate: StopGate, clock: Callable[[], float]
    ) -> None:
        self._remedies = remedies
        self._journal = journal
        self._gate = gate
        self._clock = clock

    def perform(self, action: ActionRecord, ref: StepRef, prior: Mapping[str, str]) -> ActionResult:
        """What came of the step, now or before. `prior`: what was observed before its first try."""
        with self._gate.acting():
            before = self._journal.begin_step(ref, prior, self._clock())
            if before is None:
                result = self._remedies.perform(action.target, action.action, ref.step, ref.key)
            elif before.outcome is ActionOutcome.STARTED:
                result = self._finish(action, ref, before.prior)
            else:
                return ActionResult(before.outcome, before.detail)
            self._journal.end_step(ref, result.outcome, result.detail, self._clock())
            return result

    def _finish(self, action: ActionRecord, ref: StepRef, prior: Mapping[str, str]) -> ActionResult:
        """A step that was begun and whose outcome nobody wrote down."""
        match self._remedies.already_done(action.target, action.action, ref.step, prior):
            case StepOutcome.DONE:
                detail = "it had taken effect before the responder was interrupted, and was not repeated"
                return ActionResult(ActionOutcome.SUCCEEDED, detail)
            case StepOutcome.NOT_DONE:
                return self._remedies.perform(action.target, action.action, ref.step, ref.key, prior)
            case StepOutcome.UNKNOWN:
                detail = "the responder was interrupted, and whether it took effect cannot be told"
                return ActionResult(ActionOutcome.INTERRUPTED, detail)
