"""What the cluster says of a workload, and what of that is remembered from before a step."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from responder.remediate.executor import PriorState
from responder.remediate.kubernetes.api import ApiError, Json
from responder.remediate.kubernetes.step import Kind, Target
from responder.remediate.step_error import StepRefusedError

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
_HASH_LABEL = "pod-template-hash"
_PRIOR = ("uid", "replicas", "template", "target")


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload now. `replicas`: how many pods are wanted; `template`: of its pods."""

    target: Target
    uid: str
    resource_version: str
    replicas: int
    template: Json
    details: Json

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its own, not its pods'."""
        return self.details["metadata"].get("annotations") or {}


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """One release of a Deployment that is kept. `change_cause`: what its maker wrote of it, or ""."""

    name: str
    revision: int
    template: Json
    change_cause: str


@dataclass(frozen=True, slots=True)
class Look:
    """A workload, and what else its step has to know: releases, the latest first; who scales it."""

    workload: Workload
    releases: Sequence[ReplicaSet] = field(default=())
    autoscaler: str | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """What was there before a step: uid, replicas, the template's digest, and that of the release to go back
    to ("" where that is not the question)."""

    uid: str
    replicas: int
    template: str
    target: str


def read_workload(target: Target, details: Json) -> Workload:
    """Raises `ApiError` for what is not understood."""
    try:
        metadata, spec = details["metadata"], details["spec"]
        wanted = (
            details["status"]["desiredNumberScheduled"]
            if target.kind is Kind.DAEMON_SET
            else spec["replicas"]
        )
        return Workload(
            target,
            str(metadata["uid"]),
            str(metadata["resourceVersion"]),
            int(wanted),
            spec["template"],
            details,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ApiError(f"the API server's answer on {target} was not understood: {error!r}") from error


def read_releases(workload: Workload, listed: Sequence[Json]) -> Sequence[ReplicaSet]:
    """The ReplicaSets that are the workload's own, the latest first. Raises `ApiError`."""
    found = []
    try:
        for one in listed:
            metadata = one["metadata"]
            if any(owner.get("uid") == workload.uid for owner in metadata.get("ownerReferences") or ()):
                notes = metadata.get("annotations") or {}
                revision, cause = int(notes.get(REVISION, 0)), str(notes.get(CHANGE_CAUSE, ""))
                found.append(ReplicaSet(str(metadata["name"]), revision, one["spec"]["template"], cause))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ApiError(
            f"the API server's answer on the ReplicaSets of {workload.target} was not understood: {error!r}"
        ) from error
    return sorted(found, key=lambda release: release.revision, reverse=True)


def find_autoscaler(target: Target, listed: Sequence[Json]) -> str | None:
    """The name of the HorizontalPodAutoscaler that scales `target`."""
    for one in listed:
        scaled = one.get("spec", {}).get("scaleTargetRef", {})
        if (str(scaled.get("kind", "")).lower(), scaled.get("name")) == (target.kind, target.name):
            return str(one.get("metadata", {}).get("name"))
    return None


def pod_template(release: ReplicaSet) -> Json:
    """The template as it stood in the Deployment: without the label the Deployment gives each release."""
    template = json.loads(json.dumps(release.template))
    template.get("metadata", {}).get("labels", {}).pop(_HASH_LABEL, None)
    return template  # type: ignore[no-any-return]  # JSON in, JSON out


def digest(template: Json, *, restarts: bool = True) -> str:
    """What makes two templates the same release. `restarts` False: restarting makes no other one of it."""
    copy = json.loads(json.dumps(template))
    metadata = copy.pop("metadata", None) or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != _HASH_LABEL}
    annotations = {
        k: v for k, v in (metadata.get("annotations") or {}).items() if restarts or k != RESTARTED_AT
    }
    text = json.dumps([copy, labels, annotations], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def images(template: Json) -> str:
    """The images of its containers, for people."""
    return ", ".join(str(c.get("image", "?")) for c in template.get("spec", {}).get("containers", ()))


def write_prior(before: Before) -> PriorState:
    """`read_prior` reads it back."""
    return {name: str(getattr(before, name)) for name in _PRIOR}


def read_prior(prior: PriorState) -> Before | None:
    """None when nothing was seen before the step."""
    texts = [prior.get(name, "") for name in _PRIOR]
    if not all(texts[:3]) or not re.fullmatch(r"\d{1,9}", texts[1]):
        return None
    return Before(texts[0], int(texts[1]), texts[2], texts[3])


def away_at_once(workload: Workload) -> int:
    """How many pods a rollout takes away at a time, at most.

    Raises `StepRefusedError` where a rollout does not reach all of them.
    """
    kind, spec = workload.target.kind, workload.details["spec"]
    strategy = spec.get("strategy" if kind is Kind.DEPLOYMENT else "updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") == "OnDelete":
        raise StepRefusedError(
            f"{workload.target} has the update strategy OnDelete, so that a rollout replaces no pod; make it "
            "RollingUpdate"
        )
    if strategy.get("type") == "Recreate":
        return workload.replicas
    if kind is Kind.DEPLOYMENT:
        away = _pods(rolling.get("maxUnavailable", "25%"), workload.replicas, math.floor)
        surge = _pods(rolling.get("maxSurge", "25%"), workload.replicas, math.ceil)
        return max(away, 0 if surge else 1)
    if rolling.get("partition"):
        raise StepRefusedError(
            f"{workload.target} rolls out only from pod {rolling['partition']} on (partition); set that to 0"
        )
    return _pods(rolling.get("maxUnavailable", 1), workload.replicas, math.ceil)


def _pods(number: Any, replicas: int, whole: Any) -> int:
    """A number of pods, or a percentage of them as the API writes it."""
    text = str(number)
    return int(whole(int(text[:-1]) * replicas / 100)) if text.endswith("%") else int(text)
