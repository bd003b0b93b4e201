"""Steps of the catalogue for a namespace of a test, and executors for its cluster."""

from typing import Any

from kubernetes_cluster import Namespace
from pydantic import TypeAdapter

from responder.remediate.kubernetes.client import KubernetesCluster
from responder.remediate.kubernetes.executor import KubernetesExecutor
from responder.remediate.kubernetes.step import KubernetesConnection, KubernetesStep, Operation

_STEPS: TypeAdapter[Operation] = TypeAdapter(KubernetesStep)


def kubernetes_step(**fields: Any) -> Operation:
    return _STEPS.validate_python(fields)


def on_web(where: Namespace, operation: str, **fields: Any) -> Operation:
    """A step on the Deployment `web` of a namespace."""
    place = {"namespace": where.name, "deployment": "web", "timeout_s": 60}
    return kubernetes_step(operation=operation, **(place | fields))


def executor_with(kubeconfig: str) -> KubernetesExecutor:
    return KubernetesExecutor(KubernetesCluster(KubernetesConnection(kubeconfig=kubeconfig, context="admin")))
