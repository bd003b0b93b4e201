"""Replacing every pod of a workload: by one like it, or by one of the release before."""

from collections.abc import Mapping
from datetime import datetime

from responder.remediate.kubernetes.change import Change, require_same
from responder.remediate.kubernetes.progress import rolled_out
from responder.remediate.kubernetes.step import Rollback, RolloutRestart
from responder.remediate.kubernetes.workload import (
    CHANGE_CAUSE,
    RESTARTED_AT,
    Before,
    Look,
    ReplicaSet,
    Workload,
    away_at_once,
    digest,
    images,
    pod_template,
)
from responder.remediate.step_error import StepError, StepRefusedError

LAST_STEP = "aegisops.io/last-step"
"""The annotation that says which step changed a workload last: its idempotency key."""

ROLLED_BACK_FROM = "aegisops.io/rolled-back-from"
"""The annotation that names the ReplicaSet a rollback of ours left, so that none goes back to it."""


def plan_restart(step: RolloutRestart, look: Look, before: Before | None, key: str, now: datetime) -> Change:
    """As `kubectl rollout restart`. `before` given: one whose template is another by now was restarted."""
    workload = look.workload
    require_same(workload, before)
    restarted = before is not None and before.template != digest(workload.template)
    if not restarted:
        _require_rollout(workload, step.max_unavailable)
    annotation = {RESTARTED_AT: now.isoformat(timespec="milliseconds")}
    patch = {
        "metadata": {"resourceVersion": workload.resource_version, "annotations": {LAST_STEP: key}},
        "spec": {"template": {"metadata": {"annotations": annotation}}},
    }
    pods = _pods(workload)
    return Change(
        workload,
        None if restarted else patch,
        rolled_out,
        f"restart {workload.target}, {pods}",
        f"restarted {workload.target}, {pods}",
    )


def plan_rollback(step: Rollback, look: Look, before: Before | None, key: str) -> Change:
    """As `kubectl rollout undo`, past revisions that are only restarts of what runs now."""
    workload = look.workload
    require_same(workload, before)
    now = digest(workload.template)
    if before is not None and now not in (before.template, before.target):
        raise StepRefusedError(f"{workload.target} has another release since; it is left alone")
    release = _release(look, before.target) if before and before.target else release_before(look)
    gone_back = digest(release.template) == now
    if not gone_back:
        _require_rollout(workload, step.max_unavailable)
    annotations = {LAST_STEP: key}
    if left := next((r.name for r in look.releases if digest(r.template) == now), None):
        annotations[ROLLED_BACK_FROM] = left
    return _to_release(workload, release, {**workload.annotations, **annotations}, gone_back)


def plan_rollback_undo(step: Rollback, look: Look, before: Before, key: str) -> Change:
    """To the release `before`, only from the one the step went to."""
    workload = look.workload
    require_same(workload, before)
    now = digest(workload.template)
    if now not in (before.template, before.target):
        raise StepRefusedError(f"{workload.target} has another release since; it is left alone")
    returned = now == before.template
    if not returned:
        _require_rollout(workload, step.max_unavailable)
    annotations = {k: v for k, v in workload.annotations.items() if k != ROLLED_BACK_FROM}
    release = _release(look, before.template)
    return _to_release(workload, release, {**annotations, LAST_STEP: key}, returned)


def release_before(look: Look) -> ReplicaSet:
    """The one to go back to. Raises `StepRefusedError` where there is none."""
    target, releases = look.workload.target, look.releases
    now = digest(look.workload.template, restarts=False)
    earlier = [r for r in releases if digest(r.template, restarts=False) != now]
    if not earlier:
        raise StepRefusedError(
            f"the cluster keeps no release of {target} before this one; look with: kubectl -n "
            f"{target.namespace} rollout history deployment/{target.name}"
        )
    left_name = look.workload.annotations.get(ROLLED_BACK_FROM)
    left = next((r for r in releases if r.name == left_name), None)
    if left and digest(left.template, restarts=False) == digest(earlier[0].template, restarts=False):
        raise StepRefusedError(
            f"{target} was rolled back already, from revision {earlier[0].revision}, and is not taken there "
            "again"
        )
    return earlier[0]


def _release(look: Look, template: str) -> ReplicaSet:
    for release in look.releases:
        if digest(release.template) == template:
            return release
    raise StepError(f"the cluster no longer keeps that release of {look.workload.target}; deploy it anew")


def _to_release(
    workload: Workload, release: ReplicaSet, annotations: Mapping[str, str], there: bool
) -> Change:
    """The whole template is replaced: a merge would leave what the release did not have.

    The change cause goes with it, or the cluster would write that of the release that is left to this one.
    """
    annotations = {**annotations, CHANGE_CAUSE: release.change_cause}
    if not release.change_cause:
        del annotations[CHANGE_CAUSE]
    patch = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": workload.resource_version},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
        {"op": "replace", "path": "/spec/template", "value": pod_template(release)},
    ]
    to = f"back to revision {release.revision} ({images(release.template)}), {_pods(workload)}"
    return Change(
        workload,
        None if there else patch,
        rolled_out,
        f"roll {workload.target} {to}",
        f"rolled {workload.target} {to}",
    )


def _require_rollout(workload: Workload, max_unavailable: int) -> None:
    target = workload.target
    if workload.details["spec"].get("paused"):
        raise StepRefusedError(
            f"the rollout of {target} is paused, so that nothing would be replaced; resume it with: kubectl "
            f"-n {target.namespace} rollout resume {target.kind}/{target.name}"
        )
    if workload.replicas == 0:
        raise StepRefusedError(f"{target} is to have no pods, so that there is none to replace")
    if (away := away_at_once(workload)) > max_unavailable:
        raise StepRefusedError(
            f"the strategy of {target} takes up to {away} of {_pods(workload)} away at once, max_unavailable "
            f"of the step is {max_unavailable}; lower the one or raise the other"
        )


def _pods(workload: Workload) -> str:
    return "1 pod" if workload.replicas == 1 else f"{workload.replicas} pods"
