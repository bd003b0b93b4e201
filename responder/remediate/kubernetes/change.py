"""What a step for Kubernetes comes to now: one change, decided by looking, before anything is done."""

from dataclasses import dataclass
from typing import Any

from responder.remediate.kubernetes.progress import Watch
from responder.remediate.kubernetes.workload import Before, Workload
from responder.remediate.step_error import StepError


@dataclass(frozen=True, slots=True)
class Change:
    """`patch`: None where it was made already. It holds the version of what was looked at, so that the server
    refuses it (409) once that is another. `watch`: when it has taken effect."""

    workload: Workload
    patch: Any
    watch: Watch
    intended: str
    done: str
    subresource: str = ""


def require_same(workload: Workload, before: Before | None) -> None:
    """Raises `StepError` where another bears its name by now."""
    if before is not None and before.uid != workload.uid:
        raise StepError(f"{workload.target} was deleted and made anew since; it is left alone")
