"""Restarting containers."""

from collections.abc import Sequence
from dataclasses import dataclass

from responder.remediate.docker.control import ContainerControl, names
from responder.remediate.docker.engine import Container
from responder.remediate.docker.plan import NOTHING
from responder.remediate.docker.seen import Before, Seen, seen
from responder.remediate.docker.step import Restart
from responder.remediate.executor import StepOutcome
from responder.remediate.replicas import natural
from responder.remediate.step_error import StepError

_NOTHING_LEFT = "all were restarted already"


@dataclass(frozen=True, slots=True)
class Restarting:
    """A `Plan`: restart `containers`, `at_once` at a time."""

    containers: Sequence[Container]
    at_once: int

    @property
    def intended(self) -> str:
        """What it would do, in words."""
        return f"would restart {names(self.containers)}" if self.containers else NOTHING + _NOTHING_LEFT

    def carry_out(self, control: ContainerControl) -> str:
        """Stops at the first that does not come up, and when the time is over."""
        for i in range(0, len(self.containers), self.at_once):
            if control.limit.over:
                left = names(self.containers[i:])
                raise StepError(f"{left} not restarted: {control.limit.seconds:g} s are over")
            control.restart(self.containers[i : i + self.at_once])
        return f"restarted {names(self.containers)}" if self.containers else _NOTHING_LEFT


def plan_restart(step: Restart, containers: list[Container], before: Before | None) -> Restarting:
    """Those wanted, or else the first one; what does not run, or is not healthy, before the others."""
    if before is None:
        chosen = [c for c in containers if seen(c).wanted] or containers[:1]
    else:
        ids = _wanted(before)
        chosen = [c for c in containers if c.id in ids and _renewed(before[c.id], c) is not StepOutcome.DONE]
    return Restarting(sorted(chosen, key=lambda c: (_in_order(c), natural(c.name))), step.at_once)


def restarted_since(before: Before, now: list[Container]) -> StepOutcome:
    """NOT_DONE if one container certainly was not restarted, UNKNOWN if one is in doubt."""
    current = {c.id: c for c in now}
    return StepOutcome.of_all(
        _renewed(before[id_], current[id_]) if id_ in current else StepOutcome.UNKNOWN
        for id_ in _wanted(before)
    )


def _in_order(container: Container) -> bool:
    return container.status == "running" and container.health != "unhealthy"


def _wanted(before: Before) -> set[str]:
    return {id_ for id_, one in before.items() if one.wanted}


def _renewed(before: Seen, now: Container) -> StepOutcome:
    """Was this container started anew since it was seen `before`?

    In doubt where the engine may have done it by itself, by the container's restart policy.
    """
    if now.started_at == before.started_at:
        return StepOutcome.NOT_DONE
    by_itself = before.status == "restarting"
    return StepOutcome.DONE if now.status == "running" and not by_itself else StepOutcome.UNKNOWN
