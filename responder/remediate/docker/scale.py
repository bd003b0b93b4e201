"""More replicas of a service, and fewer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from responder.remediate.docker.control import ContainerControl, names
from responder.remediate.docker.engine import Container
from responder.remediate.docker.plan import NOTHING
from responder.remediate.docker.replica import Replica, replica_of
from responder.remediate.docker.seen import NUMBER, Before, Seen, seen
from responder.remediate.docker.step import ScaleDown, ScaleUp
from responder.remediate.replicas import natural, replica_count
from responder.remediate.step_error import StepError, StepRefusedError


@dataclass(frozen=True, slots=True)
class Growing:
    """A `Plan`: make and start `replicas`. `unfinished`: made by an interrupted step, never started."""

    replicas: Sequence[Replica]
    unfinished: Sequence[Container]
    running: int

    @property
    def intended(self) -> str:
        """What it would do, in words."""
        if not self.replicas:
            return f"{NOTHING}{replica_count(self.running)} running already"
        return f"would start {self._names()}, now {replica_count(self._after())}"

    def carry_out(self, control: ContainerControl) -> str:
        """One after the other; one that does not come up is removed and ends it."""
        for container in self.unfinished:
            control.engine.remove(container.id)
        for replica in self.replicas:
            id_ = control.engine.create(replica.name, replica.config)
            try:
                for network, aliases in replica.networks.items():
                    control.engine.connect(id_, network, aliases)
                control.engine.start(id_)
                control.await_up([id_])
            except StepError as error:
                control.engine.remove(id_)
                raise StepError(f"{error}; {replica.name} was removed again") from error
        if not self.replicas:
            return f"they had been started already, {replica_count(self.running)} running"
        return f"started {self._names()}, now {replica_count(self._after())}"

    def _names(self) -> str:
        return ", ".join(replica.name for replica in self.replicas)

    def _after(self) -> int:
        return self.running + len(self.replicas)


@dataclass(frozen=True, slots=True)
class Shrinking:
    """A `Plan`: stop and remove `containers`."""

    containers: Sequence[Container]
    running: int

    @property
    def intended(self) -> str:
        """What it would do, in words."""
        if not self.containers:
            return f"{NOTHING}{replica_count(self.running)} running already"
        return f"would remove {names(self.containers)}, now {replica_count(self._after())}"

    def carry_out(self, control: ContainerControl) -> str:
        """One after the other."""
        control.stop_and_remove(self.containers)
        if not self.containers:
            return f"they had been removed already, {replica_count(self.running)} running"
        return f"removed {names(self.containers)}, now {replica_count(self._after())}"

    def _after(self) -> int:
        return self.running - sum(seen(c).replica for c in self.containers)


def plan_scale_up(step: ScaleUp, containers: list[Container], before: Before | None, key: str) -> Growing:
    """`before` given: only what is left to do of it."""
    running = count([seen(c) for c in containers])
    if before is None and running >= step.max_replicas:
        raise StepRefusedError(f"{replica_count(running)} running, max_replicas is {step.max_replicas}")
    start = running if before is None else count(before.values())
    return _grow(containers, min(step.max_replicas, start + step.by) - running, key)


def plan_scale_down(step: ScaleDown, containers: list[Container], before: Before | None) -> Shrinking:
    """Only of those `scale_up` made, the last started first; `before` given: only what is left to do."""
    running = count([seen(c) for c in containers])
    ours = _ours(containers)
    if before is None and running <= step.min_replicas:
        raise StepRefusedError(f"{replica_count(running)} running, min_replicas is {step.min_replicas}")
    if before is None and not ours:
        raise StepRefusedError(
            f"{replica_count(running)} running, none of them started by scale_up, and no other is removed"
        )
    goal = scale_down_goal(step, [seen(c) for c in containers] if before is None else before.values())
    return Shrinking(ours[: max(0, running - goal)], running)


def plan_removal(containers: list[Container], before: Before) -> Shrinking:
    """Undo of `scale_up`: the replicas of ours that were not there `before`."""
    ours = [c for c in containers if seen(c).ours and c.id not in before]
    return Shrinking(ours, count([seen(c) for c in containers]))


def plan_return(containers: list[Container], before: Before, key: str) -> Growing:
    """Undo of `scale_down`: as many replicas as there were `before`."""
    return _grow(containers, count(before.values()) - count([seen(c) for c in containers]), key)


def count(replicas: Collection[Seen]) -> int:
    """How many of them run."""
    return sum(one.replica for one in replicas)


def scale_down_goal(step: ScaleDown, replicas: Collection[Seen]) -> int:
    """How many are to be left of `replicas`."""
    ours = sum(one.replica and one.ours for one in replicas)
    return max(min(step.min_replicas, count(replicas)), count(replicas) - min(step.by, ours))


def _grow(containers: list[Container], more: int, key: str) -> Growing:
    unfinished = [c for c in containers if seen(c).ours and c.status == "created"]
    running = count([seen(c) for c in containers])
    if more <= 0:
        return Growing([], unfinished, running)
    running_first = sorted(
        containers,
        key=lambda c: (c.status != "running", c.health == "unhealthy", seen(c).ours, natural(c.name)),
    )
    taken = max((_number(c) for c in containers if c not in unfinished), default=0)
    replicas = [replica_of(running_first[0], taken + i, key) for i in range(1, more + 1)]
    return Growing(replicas, unfinished, running)


def _ours(containers: list[Container]) -> list[Container]:
    ours = [c for c in containers if seen(c).ours and seen(c).replica]
    return sorted(ours, key=lambda c: (c.started_at, _number(c)), reverse=True)


def _number(container: Container) -> int:
    number = container.labels.get(NUMBER, "")
    return int(number) if number.isdecimal() and len(number) < 10 else 0
