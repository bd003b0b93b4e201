"""What a step for Docker comes to now: decided by looking, before anything is done."""

from typing import Protocol

from responder.remediate.docker.control import ContainerControl


class Plan(Protocol):
    """Something to do with containers."""

    @property
    def intended(self) -> str:
        """What it would do, in words."""
        ...

    def carry_out(self, control: ContainerControl) -> str:
        """Do it; what was done, in words. Raises `StepError`."""
        ...


NOTHING = "would do nothing: "
"""How `intended` begins where there is nothing left to do."""
