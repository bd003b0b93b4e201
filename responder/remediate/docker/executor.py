"""The executor for Docker: restarts, replicas and memory limits of containers on one engine."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from responder.remediate.declaration import ExecutorKind
from responder.remediate.docker.control import ContainerControl
from responder.remediate.docker.engine import Container, DockerEngine, EngineSession
from responder.remediate.docker.memory import plan_lower, plan_raise, raised_since, require_room
from responder.remediate.docker.plan import Plan
from responder.remediate.docker.restart import plan_restart, restarted_since
from responder.remediate.docker.scale import (
    count,
    plan_removal,
    plan_return,
    plan_scale_down,
    plan_scale_up,
    scale_down_goal,
)
from responder.remediate.docker.seen import (
    ONE_OFF,
    PROJECT,
    SERVICE,
    Before,
    read_prior,
    seen,
    write_prior,
)
from responder.remediate.docker.step import (
    DockerConnection,
    DockerStep,
    Operation,
    RaiseMemoryLimit,
    Restart,
    ScaleDown,
    ScaleUp,
)
from responder.remediate.executor import PriorState, StepOutcome
from responder.remediate.looking import LookingExecutor
from responder.remediate.replicas import natural
from responder.remediate.step_error import StepError, StepRefusedError
from responder.remediate.time_limit import TimeLimit


class DockerExecutor(LookingExecutor[Operation, ContainerControl, Before]):
    """Succeeds when what was started is up; in doubt when the engine gave no answer to a change.

    The prior state is each concerned container's state, start time and limits, by its id. An interrupted
    step is finished: what was done since then is left alone.
    """

    def __init__(
        self,
        engine: DockerEngine,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(monotonic, sleep)
        self._engine = engine

    @contextmanager
    def session(self, step: Operation, limit: TimeLimit) -> Iterator[ContainerControl]:
        """Connections to the engine."""
        with self._engine.session() as engine:
            yield ContainerControl(engine, limit, step.kill_after_s, step.up_for_s)

    def remember(self, session: ContainerControl, step: Operation) -> PriorState:
        """By container id."""
        return write_prior(_select(session.engine, step))

    def recall(self, prior: PriorState) -> Before | None:
        """By container id."""
        return read_prior(prior)

    def done_since(self, session: ContainerControl, step: Operation, before: Before) -> StepOutcome:
        """Compares the containers now with those before."""
        return _done_since(step, before, _select(session.engine, step))

    def intended(self, session: ContainerControl, step: Operation) -> str:
        """Names the containers the step would touch now."""
        return _plan(step, _select(session.engine, step), None, key="").intended

    def carry_out(self, session: ContainerControl, step: Operation, before: Before | None, key: str) -> str:
        """The key goes into a label of what is made."""
        return _plan(step, _select(session.engine, step), before, key).carry_out(session)

    def can_undo(self, step: Operation) -> bool:
        """All but a restart: what it ended is gone."""
        return not isinstance(step, Restart)

    def take_back(self, session: ContainerControl, step: Operation, before: Before, key: str) -> str:
        """Removes the replicas the step started, starts as many as it removed, sets its limits back."""
        containers = _select(session.engine, step)
        plan: Plan
        match step:
            case Restart():
                raise StepRefusedError("a restart cannot be taken back")
            case ScaleUp():
                plan = plan_removal(containers, before)
            case ScaleDown():
                plan = plan_return(containers, before, key)
            case RaiseMemoryLimit():
                plan = plan_lower(containers, before)
                require_room(plan, session)
        return plan.carry_out(session)


def _select(session: EngineSession, step: Operation) -> list[Container]:
    """The containers the step is about, in the natural order of their names. Raises `StepError`."""
    name = None if isinstance(step, ScaleUp | ScaleDown) else step.container
    if name is not None:
        container = session.container(name)
        if container is None or name not in (container.name, container.id):
            raise StepError(f"the engine has no container '{name}'; look with: docker ps --all")
        return [container]
    labels = {PROJECT: str(step.project), SERVICE: str(step.service)}
    found = [c for c in session.containers(labels) if c.labels.get(ONE_OFF, "False") != "True"]
    if not found:
        raise StepError(
            f"the engine has no container of service '{step.service}' in Compose project '{step.project}'; "
            "look with: docker compose ls, docker ps --all"
        )
    return sorted(found, key=lambda c: natural(c.name))


def _plan(step: Operation, containers: list[Container], before: Before | None, key: str) -> Plan:
    match step:
        case Restart():
            return plan_restart(step, containers, before)
        case ScaleUp():
            return plan_scale_up(step, containers, before, key)
        case ScaleDown():
            return plan_scale_down(step, containers, before)
        case RaiseMemoryLimit():
            return plan_raise(step, containers, before)


def _done_since(step: Operation, before: Before, now: list[Container]) -> StepOutcome:
    was, replicas = before.values(), [seen(c) for c in now]
    match step:
        case Restart():
            return restarted_since(before, now)
        case ScaleUp():
            done = count(was) < min(step.max_replicas, count(was) + step.by) <= count(replicas)
        case ScaleDown():
            done = count(was) > scale_down_goal(step, was) >= count(replicas)
        case RaiseMemoryLimit():
            done = raised_since(step, before, now)
    return StepOutcome.DONE if done else StepOutcome.NOT_DONE


def _build(connection: DockerConnection, environ: Mapping[str, str]) -> DockerExecutor:  # noqa: ARG001  # the connection says all
    return DockerExecutor(DockerEngine(connection.url))


KIND = ExecutorKind("docker", DockerStep, _build, DockerConnection)
