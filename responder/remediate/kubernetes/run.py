"""One step on its way through the API server: look, change, wait."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from responder.remediate.kubernetes.api import ApiError, KubernetesApi
from responder.remediate.kubernetes.change import Change
from responder.remediate.kubernetes.rollout import release_before
from responder.remediate.kubernetes.step import Operation, Rollback, ScaleDown, ScaleUp
from responder.remediate.kubernetes.workload import (
    Before,
    Look,
    digest,
    find_autoscaler,
    read_releases,
    read_workload,
)
from responder.remediate.step_error import StepError, StepRefusedError
from responder.remediate.time_limit import TimeLimit

_TRIES = 5
_POLL_S = 0.25

Plan = Callable[[Look, Before | None], Change]
"""Decides by what is there now, and by what was there before a change that may have been made already."""


@dataclass(frozen=True, slots=True)
class Run:
    """Methods raise `ApiError`."""

    api: KubernetesApi
    step: Operation
    limit: TimeLimit

    def look(self) -> Look:
        """What the step has to know."""
        target = self.step.target
        workload = read_workload(target, self.api.workload(target))
        match self.step:
            case Rollback():
                selector = _selector(workload.details["spec"].get("selector") or {})
                listed = self.api.replica_sets(target.namespace, selector)
                return Look(workload, releases=read_releases(workload, listed))
            case ScaleUp() | ScaleDown():
                listed = self.api.autoscalers(target.namespace)
                return Look(workload, autoscaler=find_autoscaler(target, listed))
            case _:
                return Look(workload)

    def submit(self, plan: Plan, before: Before | None = None, *, dry_run: bool = False) -> Change:
        """Make the change that `plan` comes to. Where another one came between, it is planned anew; where no
        answer came, what is there tells whether it was made; a busy server is asked again. Raises what `plan`
        does."""
        doubt: ApiError | None = None
        tries = 0
        while True:
            tries += 1
            try:
                look = self.look()
                change = plan(look, before)
                if change.patch is not None:
                    self.api.patch(self.step.target, change.patch, change.subresource, dry_run)
                return change
            except ApiError as error:
                if error.in_doubt and not dry_run:
                    doubt, before = error, before or see(self.step, look)
                elif not error.conflict and not (error.passing and (doubt or error.status)):
                    raise doubt or error from error
                if tries == _TRIES or self.limit.over:
                    raise doubt or error from error
            self.limit.sleep(_POLL_S)

    def change(self, plan: Plan, before: Before | None) -> str:
        """`submit` and `wait`; what was done, in words."""
        change = self.submit(plan, before)
        self.wait(change)
        return change.done

    def wait(self, change: Change) -> None:
        """Until the change has taken effect. Raises `StepError` as soon as it will not, and in doubt once the
        time is over with the cluster still at it."""
        target = self.step.target
        # What Kubernetes says of the rollout before may stand a moment longer.
        old = change.watch(change.workload).failure if change.patch is not None else None
        while True:
            try:
                workload = read_workload(target, self.api.workload(target))
                progress = change.watch(workload)
                if progress.arrived:
                    return
                if progress.failure not in (None, old):
                    raise StepError(f"{target}: {progress.so_far}; {progress.failure}")
                so_far = progress.so_far
            except ApiError as error:
                if not error.passing:
                    raise
                so_far = str(error)
            if self.limit.over:
                raise StepError(
                    f"{target}: {so_far} after {self.limit.seconds:g} s; Kubernetes goes on with it, look "
                    f"with: kubectl -n {target.namespace} rollout status {target.kind}/{target.name}",
                    in_doubt=True,
                )
            self.limit.sleep(_POLL_S)


def see(step: Operation, look: Look) -> Before:
    """What is to be remembered from before the step."""
    target = ""
    if isinstance(step, Rollback):
        try:
            target = digest(release_before(look).template)
        except StepRefusedError:  # the plan will say so
            target = ""
    workload = look.workload
    return Before(workload.uid, workload.replicas, digest(workload.template), target)


def _selector(selector: Mapping[str, Any]) -> str:
    """A label selector as a query has it."""
    labels = [f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()]
    words = {"In": "{} in ({})", "NotIn": "{} notin ({})", "Exists": "{}", "DoesNotExist": "!{}"}
    expressions = [
        words[one["operator"]].format(one["key"], ",".join(one.get("values") or ()))
        for one in selector.get("matchExpressions") or ()
    ]
    return ",".join(labels + expressions)
