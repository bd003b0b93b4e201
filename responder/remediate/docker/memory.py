"""Raising memory limits while containers run, and setting them back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ByteSize

from responder.remediate.docker.control import ContainerControl, names
from responder.remediate.docker.engine import Container
from responder.remediate.docker.plan import NOTHING
from responder.remediate.docker.seen import Before
from responder.remediate.docker.step import RaiseMemoryLimit
from responder.remediate.step_error import StepError, StepRefusedError

_PAGE = 4096
_PAST = {"raise": "raised", "lower": "lowered"}
_NO_LIMIT_CAN_BE_SET = frozenset({"dead", "removing"})


@dataclass(frozen=True, slots=True)
class Change:
    """One container's limits to be: `memory`, and `memory_swap` with swap (0 or -1: left as it is)."""

    container: Container
    memory: int
    memory_swap: int

    def __str__(self) -> str:
        return f"{self.container.name} from {_words(self.container.memory)} to {_words(self.memory)}"


@dataclass(frozen=True, slots=True)
class Limiting:
    """A `Plan`: set limits, then start what died of the old one."""

    verb: Literal["raise", "lower"]
    changes: Sequence[Change]
    dead: Sequence[Container]

    @property
    def intended(self) -> str:
        """What it would do, in words."""
        return f"would {self._words(self.verb, 'start')}" if self._any() else f"{NOTHING}the limits are so"

    def carry_out(self, control: ContainerControl) -> str:
        """All limits first, so that nothing is started under an old one."""
        for change in self.changes:
            control.engine.set_memory_limit(change.container.id, change.memory, change.memory_swap)
        for container in self.dead:
            control.engine.start(container.id)
        control.await_up(c.id for c in self.dead)
        return self._words(_PAST[self.verb], "started") if self._any() else "the limits are so already"

    def _any(self) -> bool:
        return bool(self.changes or self.dead)

    def _words(self, verb: str, start: str) -> str:
        limits = f"{verb} the memory limit of {', '.join(map(str, self.changes))}" if self.changes else ""
        starts = f"{start} {names(self.dead)}" if self.dead else ""
        return "; ".join(part for part in (limits, starts) if part)


def plan_raise(step: RaiseMemoryLimit, containers: list[Container], before: Before | None) -> Limiting:
    """`before` given: the new limits are counted from those there were then."""
    limited = [c for c in containers if c.memory and c.status not in _NO_LIMIT_CAN_BE_SET]
    if not limited:
        raise StepError(f"{names(containers)}: there is no memory limit to raise")
    goals = {
        c.id: _goal(step, before[c.id].memory if before and c.id in before else c.memory) for c in limited
    }
    changes = [_change(c, goals[c.id]) for c in limited if c.memory < goals[c.id]]
    if before is None and not changes:
        highest = max(c.memory for c in limited)
        raise StepRefusedError(
            f"the memory limit is {_words(highest)}, max_bytes is {_words(step.max_bytes)}"
        )
    dead = [c for c in limited if c.status == "exited" and c.oom_killed]
    return Limiting("raise", changes, dead)


def raised_since(step: RaiseMemoryLimit, before: Before, now: list[Container]) -> bool:
    """Whether every limit is what it was to be, and nothing is dead of the old one."""
    known = [c for c in now if c.id in before and before[c.id].memory]
    raised = all(c.memory >= _goal(step, before[c.id].memory) > before[c.id].memory for c in known)
    return bool(known) and raised and not any(c.status == "exited" and c.oom_killed for c in known)


def plan_lower(containers: list[Container], before: Before) -> Limiting:
    """Undo: the limits there were `before`."""
    raised = [c for c in containers if c.id in before and 0 < before[c.id].memory < c.memory]
    return Limiting("lower", [Change(c, before[c.id].memory, before[c.id].memory_swap) for c in raised], [])


def require_room(plan: Limiting, control: ContainerControl) -> None:
    """A container that uses more than its limit-to-be would be killed by it. Raises `StepError`."""
    for change in plan.changes:
        if change.container.status != "running":
            continue
        usage = control.engine.memory_usage(change.container.id)
        if usage >= change.memory:
            raise StepError(
                f"{change.container.name} uses {_words(usage)}, so its limit is left at "
                f"{_words(change.container.memory)} and not lowered to {_words(change.memory)}"
            )


def _goal(step: RaiseMemoryLimit, memory: int) -> int:
    """Whole pages, as the kernel counts; never lower than it is."""
    pages = math.ceil(memory * step.factor / _PAGE)
    return max(memory, min(step.max_bytes // _PAGE, pages) * _PAGE)


def _change(container: Container, memory: int) -> Change:
    """As much swap as before."""
    swap = container.memory_swap
    return Change(container, memory, memory + swap - container.memory if swap > 0 else swap)


def _words(size: int) -> str:
    return ByteSize(size).human_readable()
