"""The executor for Kubernetes: rollout restarts, replicas and rollbacks of workloads in one cluster."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Protocol

from responder.remediate.declaration import ExecutorKind
from responder.remediate.executor import PriorState, StepOutcome
from responder.remediate.kubernetes.api import KubernetesApi, Transport
from responder.remediate.kubernetes.change import Change
from responder.remediate.kubernetes.progress import rolled_out, scaled_to
from responder.remediate.kubernetes.rollout import plan_restart, plan_rollback, plan_rollback_undo
from responder.remediate.kubernetes.run import Plan, Run, see
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
from responder.remediate.looking import LookingExecutor
from responder.remediate.step_error import StepRefusedError
from responder.remediate.time_limit import TimeLimit


class Cluster(Protocol):
    """A way to an API server."""

    def session(self) -> AbstractContextManager[Transport]:
        """Connections for one step. Raises `NoAnswerError`."""
        ...


class KubernetesExecutor(LookingExecutor[Operation, Run, Before]):
    """Succeeds when the change has taken effect; in doubt when the time was over before.

    The prior state is the workload's uid, replicas and the digest of its pod template, and for a rollback the
    digest of the release to go to. An interrupted step makes no change that was made already, and waits for
    it to take effect.
    """

    def __init__(
        self,
        cluster: Cluster,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(monotonic, sleep)
        self._cluster = cluster
        self._now = now

    @contextmanager
    def session(self, step: Operation, limit: TimeLimit) -> Iterator[Run]:
        """Connections to the API server."""
        with self._cluster.session() as transport:
            yield Run(KubernetesApi(transport, limit), step, limit)

    def remember(self, session: Run, step: Operation) -> PriorState:
        """The workload, and the release a rollback would go to."""
        return write_prior(see(step, session.look()))

    def recall(self, prior: PriorState) -> Before | None:
        """The same."""
        return read_prior(prior)

    def done_since(self, session: Run, step: Operation, before: Before) -> StepOutcome:
        """Whether the change was made and has taken effect."""
        return _done_since(step, before, session.look())

    def intended(self, session: Run, step: Operation) -> str:
        """The server checks the change as it would check the real one."""
        change = session.submit(self._plan(step, key="dry-run"), dry_run=True)
        return f"would {change.intended}"

    def carry_out(self, session: Run, step: Operation, before: Before | None, key: str) -> str:
        """The key goes into an annotation of the workload."""
        return session.change(self._plan(step, key), before)

    def can_undo(self, step: Operation) -> bool:
        """All but a restart: the pods it ended are gone."""
        return not isinstance(step, RolloutRestart)

    def take_back(self, session: Run, step: Operation, before: Before, key: str) -> str:
        """As many replicas as before, or the release before; only from where the step left it."""

        def plan(look: Look, _: Before | None) -> Change:
            match step:
                case RolloutRestart():
                    raise StepRefusedError("a restart cannot be taken back")
                case Rollback():
                    return plan_rollback_undo(step, look, before, key)
                case ScaleUp() | ScaleDown():
                    return plan_scale_undo(step, look, before)

        return session.change(plan, before)

    def _plan(self, step: Operation, key: str) -> Plan:
        def plan(look: Look, before: Before | None) -> Change:
            match step:
                case RolloutRestart():
                    return plan_restart(step, look, before, key, self._now())
                case Rollback():
                    return plan_rollback(step, look, before, key)
                case ScaleUp() | ScaleDown():
                    return plan_scale(step, look, before)

        return plan


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
