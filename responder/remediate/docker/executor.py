"""The executor for Docker: restarts, replicas and memory limits of containers on one engine."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from responder.incident_record import ActionOutcome
from responder.redaction import redact
from responder.remediate.declaration import ExecutorKind
from responder.remediate.docker.control import ContainerControl
from responder.remediate.docker.engine import Container, DockerEngine, EngineError, EngineSession
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
    natural,
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
from responder.remediate.executor import ActionResult, DryRun, PriorState, StepOutcome
from responder.remediate.step_error import StepError, StepRefusedError

T = TypeVar("T")

_DETAIL_LIMIT = 600
_UNREACHABLE = "unreachable"


class DockerExecutor:
    """Implements `Executor` and `Undoable` for `Operation`.

    The prior state is each concerned container's state, start time and limits, by its id. With `prior`
    given, `perform` finishes an interrupted step: what was done since then is left alone.
    """

    def __init__(
        self,
        engine: DockerEngine,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._sleep = sleep

    def observe(self, step: Operation) -> PriorState:
        """By container id; `unreachable` and why when the engine does not answer."""
        try:
            with self._engine.session() as session:
                return write_prior(_select(session, step))
        except (EngineError, StepError) as error:
            return {_UNREACHABLE: redact(str(error), _DETAIL_LIMIT)}

    def already_done(self, step: Operation, prior: PriorState) -> StepOutcome:
        """Compares the containers now with `prior`."""
        before = read_prior(prior)
        if before is None:
            return StepOutcome.UNKNOWN
        try:
            with self._engine.session() as session:
                return _done_since(step, before, _select(session, step))
        except (EngineError, StepError):
            return StepOutcome.UNKNOWN

    def dry_run(self, step: Operation) -> DryRun:
        """The containers the step would touch now."""
        try:
            with self._engine.session() as session:
                plan = _plan(step, _select(session, step), None, key="")
        except (EngineError, StepError, StepRefusedError) as error:
            return DryRun(False, redact(str(error), _DETAIL_LIMIT))
        return DryRun(True, redact(plan.intended, _DETAIL_LIMIT))

    def perform(self, step: Operation, key: str, prior: PriorState | None = None) -> ActionResult:
        """Succeeds when what was started is up; in doubt when the engine gave no answer to a change."""
        before = None if prior is None else read_prior(prior)

        def carry_out(control: ContainerControl) -> str:
            return _plan(step, _select(control.engine, step), before, key).carry_out(control)

        return self._answered(step, carry_out)

    def can_undo(self, step: Operation) -> bool:
        """All but a restart: what it ended is gone."""
        return not isinstance(step, Restart)

    def undo(self, step: Operation, prior: PriorState, key: str) -> ActionResult:
        """Removes the replicas the step started, starts as many as it removed, sets its limits back."""
        before = read_prior(prior)
        if before is None:
            return ActionResult(ActionOutcome.FAILED, "what was there before the step is not known")

        def carry_out(control: ContainerControl) -> str:
            containers = _select(control.engine, step)
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
                    require_room(plan, control)
            return plan.carry_out(control)

        return self._answered(step, carry_out)

    def _answered(self, step: Operation, carry_out: Callable[[ContainerControl], str]) -> ActionResult:
        outcome = ActionOutcome.SUCCEEDED
        deadline = self._monotonic() + step.timeout_s
        try:
            with self._engine.session() as session:
                detail = carry_out(
                    ContainerControl(
                        engine=session,
                        timeout_s=step.timeout_s,
                        deadline=deadline,
                        kill_after_s=step.kill_after_s,
                        up_for_s=step.up_for_s,
                        monotonic=self._monotonic,
                        sleep=self._sleep,
                    )
                )
        except StepRefusedError as refusal:
            outcome, detail = ActionOutcome.REFUSED, str(refusal)
        except StepError as error:
            outcome, detail = ActionOutcome.FAILED, str(error)
        except EngineError as error:
            outcome = ActionOutcome.INTERRUPTED if error.in_doubt else ActionOutcome.FAILED
            detail = str(error)
        return ActionResult(outcome, redact(detail, _DETAIL_LIMIT))


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
