"""What a step of the catalogue may ask of a Kubernetes cluster."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from responder.remediate.declaration import Declared, Seconds, Text
from responder.remediate.replicas import FewerReplicas, MoreReplicas, Replicas

_Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]


class KubernetesConnection(Declared):
    """The cluster: a `context` of a `kubeconfig`, or the one the responder itself runs in.

    The context is named, and never the file's current one: that changes under whoever works with kubectl.
    """

    kubeconfig: Text | None = None
    context: Text | None = None
    in_cluster: bool = False

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        named = self.kubeconfig is not None and self.context is not None
        none = self.kubeconfig is None and self.context is None
        if not (none if self.in_cluster else named):
            raise ValueError("name a 'kubeconfig' and its 'context', or else write in_cluster: true")
        return self


class Kind(StrEnum):
    """The kinds of workload, as a step names them."""

    DEPLOYMENT = "deployment"
    STATEFUL_SET = "statefulset"
    DAEMON_SET = "daemonset"


@dataclass(frozen=True, slots=True)
class Target:
    """One workload of the cluster."""

    namespace: str
    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class _OnWorkload(Declared):
    """`timeout_s`: for the whole step, with the waiting until its pods are available."""

    namespace: _Namespace
    timeout_s: Seconds = 180.0

    @property
    def target(self) -> Target:
        """The one workload that is named."""
        (kind,) = self._named()
        return Target(self.namespace, kind, getattr(self, kind))

    @model_validator(mode="after")
    def _one_workload(self) -> Self:
        if len(self._named()) != 1:
            kinds = [f"'{kind}'" for kind in Kind if kind in type(self).model_fields]
            raise ValueError(f"name exactly one of {', '.join(kinds)}")
        return self

    def _named(self) -> list[Kind]:
        return [kind for kind in Kind if getattr(self, kind, None) is not None]


class RolloutRestart(_OnWorkload):
    """Replace every pod by one like it, as the workload's own strategy goes about it; refused where that
    takes more than `max_unavailable` away at once."""

    operation: Literal["rollout_restart"]
    deployment: _Name | None = None
    statefulset: _Name | None = None
    daemonset: _Name | None = None
    max_unavailable: Replicas = 1

    def touches(self) -> int | None:
        """As many as may be away together."""
        return self.max_unavailable


class Rollback(_OnWorkload):
    """Go back to the release before, one that ran here; refused where the Deployment's strategy takes more
    than `max_unavailable` away at once."""

    operation: Literal["rollback"]
    deployment: _Name
    max_unavailable: Replicas = 1

    def touches(self) -> int | None:
        """As many as may be away together."""
        return self.max_unavailable


class ScaleUp(_OnWorkload, MoreReplicas):
    """Ask for `by` more replicas, up to `max_replicas` in all."""

    deployment: _Name | None = None
    statefulset: _Name | None = None


class ScaleDown(_OnWorkload, FewerReplicas):
    """Ask for `by` fewer replicas, down to `min_replicas` in all; Kubernetes chooses which go."""

    deployment: _Name | None = None
    statefulset: _Name | None = None


Operation = RolloutRestart | Rollback | ScaleUp | ScaleDown
KubernetesStep = Annotated[Operation, Field(discriminator="operation")]
