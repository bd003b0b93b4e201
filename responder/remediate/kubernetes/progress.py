"""How far a workload is on its way to what was asked of it.

The conditions are those of `kubectl rollout status`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from responder.remediate.kubernetes.step import Kind
from responder.remediate.kubernetes.workload import Workload


@dataclass(frozen=True, slots=True)
class Progress:
    """`arrived`: all is as asked. `so_far`: in words. `failure`: why it will not arrive; None: it may."""

    arrived: bool
    so_far: str
    failure: str | None = None


Watch = Callable[[Workload], Progress]


def rolled_out(workload: Workload) -> Progress:
    """Every pod is one of the newest template, and available."""
    status, wanted = _status(workload), workload.replicas
    updated, available = _counts(workload)
    arrived = _observed(workload) and updated >= wanted and available >= wanted
    if workload.target.kind is Kind.DEPLOYMENT:
        arrived &= int(status.get("replicas", 0)) <= updated
    elif workload.target.kind is Kind.STATEFUL_SET:
        arrived &= status.get("updateRevision") == status.get("currentRevision")
    so_far = f"{min(updated, available)} of {wanted} pods new and available{_trouble(workload)}"
    return Progress(arrived, so_far, None if arrived else _stuck(workload))


def scaled_to(replicas: int) -> Watch:
    """At least as many pods are available, where it grew; no more are left, where it shrank."""

    def watch(workload: Workload) -> Progress:
        status = _status(workload)
        there, available = int(status.get("replicas", 0)), int(status.get("availableReplicas", 0))
        arrived = _observed(workload) and there <= workload.replicas and available >= replicas
        return Progress(arrived, f"{available} of {replicas} pods available{_trouble(workload)}")

    return watch


def _status(workload: Workload) -> Any:
    return workload.details.get("status") or {}


def _observed(workload: Workload) -> bool:
    generation = int(workload.details["metadata"].get("generation", 0))
    return int(_status(workload).get("observedGeneration", 0)) >= generation


def _counts(workload: Workload) -> tuple[int, int]:
    """Pods of the newest template, and pods that are available."""
    daemons = workload.target.kind is Kind.DAEMON_SET
    names = (
        ("updatedNumberScheduled", "numberAvailable") if daemons else ("updatedReplicas", "availableReplicas")
    )
    updated, available = (int(_status(workload).get(name, 0)) for name in names)
    return updated, available


def _condition(workload: Workload, kind: str) -> Any:
    conditions = _status(workload).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == kind), {})


def _trouble(workload: Workload) -> str:
    failed = _condition(workload, "ReplicaFailure")
    return f" ({failed.get('message', '')})" if failed.get("status") == "True" else ""


def _stuck(workload: Workload) -> str | None:
    if workload.details["spec"].get("paused"):
        return f"somebody paused the rollout; resume it with: {_kubectl(workload, 'resume')}"
    progressing = _condition(workload, "Progressing")
    if _observed(workload) and progressing.get("reason") == "ProgressDeadlineExceeded":
        return f"Kubernetes gave the rollout up: {progressing.get('message', '')}"
    return None


def _kubectl(workload: Workload, verb: str) -> str:
    target = workload.target
    return f"kubectl -n {target.namespace} rollout {verb} {target.kind}/{target.name}"
