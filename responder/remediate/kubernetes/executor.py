"""The executor for Kubernetes: rollout restarts, replicas and rollbacks of workloads in one cluster."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Protocol

from responder.incident_record import ActionOutcome
from responder.redaction import redact
from responder.remediate.declaration import ExecutorKind
from responder.remediate.executor import ActionResult, DryRun, PriorState, StepOutcome
from responder.remediate.kubernetes.api import ApiError, KubernetesApi, NoAnswerError, Transport
from responder.remediate.kubernetes.change import Change
from responder.remediate.kubernetes.progress import rolled_out, scaled_to
from responder.remediate.kubernetes.rollout import plan_restart, plan_rollback, plan_rollback_undo
from responder.remediate.kubernetes.run import Plan, Run, UnfinishedError, see
from responder.remediate.kubernetes.scale import goal_of, plan_scale, plan_scale_undo
from responder.remediate.kubernetes.step import (
    KubernetesConnection,
    KubernetesStep,
    Operation,
    Rollback,
    RolloutRestart,
    ScaleDown,
    ScaleUp,
)
from responder.remediate.kubernetes.workload import Before, Look, digest, read_prior, write_prior
from responder.remediate.step_error import StepError, StepRefusedError

_DETAIL_LIMIT = 600
_UNREACHABLE = "unreachable"


class Cluster(Protocol):
    """A way to an API server."""

    def session(self) -> AbstractContextManager[Transport]:
        """Connections for one step. Raises `NoAnswerError`."""
        ...


class KubernetesExecutor:
    """Implements `Executor` and `Undoable` for `Operation`.

    The prior state is the workload's uid, replicas and the digest of its pod template, and for a rollback the
    digest of the release to go to. With `prior` given, `perform` makes no change that was made already, and
    waits for it to take effect.
    """

    def __init__(
        self,
        cluster: Cluster,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._monotonic = monotonic
        self._sleep = sleep
        self._now = now

    def observe(self, step: Operation) -> PriorState:
        """What is there; `unreachable` and why when the cluster does not say."""
        try:
            with self._session(step) as run:
                return write_prior(see(step, run.look()))
        except (ApiError, NoAnswerError) as error:
            return {_UNREACHABLE: redact(str(error), _DETAIL_LIMIT)}

    def already_done(self, step: Operation, prior: PriorState) -> StepOutcome:
        """Whether the change was made and has taken effect."""
        before = read_prior(prior)
        if before is None:
            return StepOutcome.UNKNOWN
        try:
            with self._session(step) as run:
                return _done_since(step, before, run.look())
        except (ApiError, NoAnswerError):
            return StepOutcome.UNKNOWN

    def dry_run(self, step: Operation) -> DryRun:
        """What the step would do now; the server checks the change as it would check the real one."""
        try:
            with self._session(step) as run:
                change = run.submit(lambda look, _: self._plan(step, look, None, key="dry-run"), dry_run=True)
        except (ApiError, NoAnswerError, StepError, StepRefusedError) as error:
            return DryRun(False, redact(str(error), _DETAIL_LIMIT))
        return DryRun(True, redact(f"would {change.intended}", _DETAIL_LIMIT))

    def perform(self, step: Operation, key: str, prior: PriorState | None = None) -> ActionResult:
        """Succeeds when the change has taken effect; in doubt when the time was over before."""
        before = None if prior is None else read_prior(prior)
        return self._answered(step, lambda look, seen: self._plan(step, look, seen, key), before)

    def can_undo(self, step: Operation) -> bool:
        """All but a restart: the pods it ended are gone."""
        return not isinstance(step, RolloutRestart)

    def undo(self, step: Operation, prior: PriorState, key: str) -> ActionResult:
        """As many replicas as before, or the release before; only from where the step left it."""
        before = read_prior(prior)
        if before is None:
            return ActionResult(ActionOutcome.FAILED, "what was there before the step is not known")

        def plan(look: Look, _: Before | None) -> Change:
            match step:
                case RolloutRestart():
                    raise StepRefusedError("a restart cannot be taken back")
                case Rollback():
                    return plan_rollback_undo(step, look, before, key)
                case ScaleUp() | ScaleDown():
                    return plan_scale_undo(step, look, before)

        return self._answered(step, plan, before)

    def _plan(self, step: Operation, look: Look, before: Before | None, key: str) -> Change:
        match step:
            case RolloutRestart():
                return plan_restart(step, look, before, key, self._now())
            case Rollback():
                return plan_rollback(step, look, before, key)
            case ScaleUp() | ScaleDown():
                return plan_scale(step, look, before)

    def _answered(self, step: Operation, plan: Plan, before: Before | None) -> ActionResult:
        outcome = ActionOutcome.SUCCEEDED
        try:
            with self._session(step) as run:
                change = run.submit(plan, before)
                run.wait(change)
                detail = change.done
        except StepRefusedError as refusal:
            outcome, detail = ActionOutcome.REFUSED, str(refusal)
        except UnfinishedError as unfinished:
            outcome, detail = ActionOutcome.INTERRUPTED, str(unfinished)
        except ApiError as error:
            outcome = ActionOutcome.INTERRUPTED if error.in_doubt else ActionOutcome.FAILED
            detail = str(error)
        except (NoAnswerError, StepError) as error:
            outcome, detail = ActionOutcome.FAILED, str(error)
        return ActionResult(outcome, redact(detail, _DETAIL_LIMIT))

    @contextmanager
    def _session(self, step: Operation) -> Iterator[Run]:
        deadline = self._monotonic() + step.timeout_s
        with self._cluster.session() as transport:
            api = KubernetesApi(transport, lambda: deadline - self._monotonic())
            yield Run(api, step, deadline, self._monotonic, self._sleep)


def _done_since(step: Operation, before: Before, look: Look) -> StepOutcome:
    """Not done as well while pods are still being replaced: then the step is finished by waiting."""
    workload = look.workload
    if workload.uid != before.uid:
        return StepOutcome.UNKNOWN
    match step:
        case RolloutRestart():
            done = digest(workload.template) != before.template and rolled_out(workload).arrived
        case Rollback():
            done = digest(workload.template) == before.target and rolled_out(workload).arrived
        case ScaleUp() | ScaleDown():
            goal = goal_of(step, before.replicas)
            reached = workload.replicas >= goal if isinstance(step, ScaleUp) else workload.replicas <= goal
            changes = goal != before.replicas
            done = changes and reached and scaled_to(workload.replicas)(workload).arrived
    return StepOutcome.DONE if done else StepOutcome.NOT_DONE


def _build(connection: KubernetesConnection, environ: Mapping[str, str]) -> KubernetesExecutor:  # noqa: ARG001  # the client finds the pod's own variables
    from responder.remediate.kubernetes.client import KubernetesCluster  # noqa: PLC0415  # see its docstring

    return KubernetesExecutor(KubernetesCluster(connection))


KIND = ExecutorKind("kubernetes", KubernetesStep, _build, KubernetesConnection)
