"""Why a step is not done, for executors to raise inside and to answer with."""


class StepError(Exception):
    """The step cannot be done; the message is the detail of its result."""


class StepRefusedError(Exception):
    """A limit of the step forbids it; the message is the detail of its result."""
