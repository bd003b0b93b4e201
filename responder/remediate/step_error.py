"""Why a step is not done, for executors to raise inside and to answer with."""

from responder.incident_record import ActionOutcome


class StepError(Exception):
    """The step cannot be done; the message is the detail of its result.

    `in_doubt`: it was begun, and whether it takes effect cannot be told.
    """

    def __init__(self, message: str, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt

    @property
    def outcome(self) -> ActionOutcome:
        """What the step comes to."""
        return ActionOutcome.INTERRUPTED if self.in_doubt else ActionOutcome.FAILED


class StepRefusedError(StepError):
    """A limit of the step, or of what it is about, forbids it."""

    @property
    def outcome(self) -> ActionOutcome:
        """Nothing was done."""
        return ActionOutcome.REFUSED
