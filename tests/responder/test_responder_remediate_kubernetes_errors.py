"""What the executor for Kubernetes says when the cluster refuses, is not there, or does not answer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes_cluster import Namespace, namespace
from kubernetes_steps import executor_with, on_web

from responder.incident_record import ActionOutcome
from responder.remediate.executor import StepOutcome
from responder.remediate.kubernetes.api import NoAnswerError, Transport
from responder.remediate.kubernetes.client import KubernetesCluster
from responder.remediate.kubernetes.executor import KubernetesExecutor
from responder.remediate.kubernetes.step import KubernetesConnection

pytestmark = pytest.mark.e2e

FAILED = ActionOutcome.FAILED
SUCCEEDED = ActionOutcome.SUCCEEDED
Query = Mapping[str, str]
Answer = tuple[int, bytes]
STEPS = [("rollout_restart", {}), ("scale_up", {"max_replicas": 4}), ("scale_down", {}), ("rollback", {})]


@pytest.fixture
def shop() -> Iterator[Namespace]:
    with namespace() as made:
        made.deploy()
        made.release("app:2")
        yield made


Wrap = Callable[[Transport], Transport]


class Between:
    """The cluster with something between it and the executor."""

    def __init__(self, kubeconfig: str, wrap: Wrap) -> None:
        self._cluster = KubernetesCluster(KubernetesConnection(kubeconfig=kubeconfig, context="admin"))
        self._wrap = wrap

    @contextmanager
    def session(self) -> Iterator[Transport]:
        with self._cluster.session() as transport:
            yield self._wrap(transport)


def before_the_first_change(meddle: Callable[[], None]) -> Wrap:
    def wrap(transport: Transport) -> Transport:
        left = [meddle]

        def send(method: str, path: str, query: Query, patch: Any, timeout_s: float) -> Answer:
            if patch is not None and left:
                left.pop()()
            return transport(method, path, query, patch, timeout_s)

        return send

    return wrap


def answer_lost(transport: Transport) -> Transport:
    """The first change is made, and its answer does not come."""
    changes = 0

    def send(method: str, path: str, query: Query, patch: Any, timeout_s: float) -> Answer:
        nonlocal changes
        answer = transport(method, path, query, patch, timeout_s)
        changes += patch is not None
        if patch is not None and changes == 1:
            raise NoAnswerError("no answer in time", sent=True)
        return answer

    return send


def gone(lost: bool) -> Wrap:
    """No server answers after the first change, nor, if `lost`, that one itself."""

    def wrap(transport: Transport) -> Transport:
        changed = False

        def send(method: str, path: str, query: Query, patch: Any, timeout_s: float) -> Answer:
            nonlocal changed
            if changed:
                raise NoAnswerError("the server is not there")
            answer = transport(method, path, query, patch, timeout_s)
            changed = patch is not None
            if changed and lost:
                raise NoAnswerError("the server went away", sent=True)
            return answer

        return send

    return wrap


def busy(transport: Transport) -> Transport:
    """Answers 429 to the first look, the first change, and the first look at what came of it."""
    asked = 0

    def send(method: str, path: str, query: Query, patch: Any, timeout_s: float) -> Answer:
        nonlocal asked
        asked += 1
        return (429, b"{}") if asked in (1, 4, 8) else transport(method, path, query, patch, timeout_s)

    return send


@pytest.mark.parametrize(("operation", "fields"), STEPS)
def test_the_documented_role_is_enough(
    shop: Namespace, tmp_path: Path, operation: str, fields: dict[str, int]
) -> None:
    executor = executor_with(shop.account(tmp_path))
    step = on_web(shop, operation, **fields)
    prior = executor.observe(step)
    assert executor.dry_run(step).possible
    assert executor.perform(step, "key").outcome is SUCCEEDED
    assert executor.already_done(step, prior) is StepOutcome.DONE
    if executor.can_undo(step):
        assert executor.undo(step, prior, "key").outcome is SUCCEEDED


@pytest.mark.parametrize(
    ("operation", "missing"),
    [
        ("rollout_restart", "get deployments"),
        ("rollout_restart", "patch deployments"),
        ("scale_down", "patch deployments/scale"),
        ("scale_down", "list horizontalpodautoscalers"),
        ("rollback", "list replicasets"),
    ],
)
def test_a_right_that_is_missing_is_named(
    shop: Namespace, tmp_path: Path, operation: str, missing: str
) -> None:
    executor = executor_with(shop.account(tmp_path, leave_out=[missing]))
    step = on_web(shop, operation)
    version = shop.version()
    result = executor.perform(step, "key")
    assert result.outcome is FAILED
    assert f"{missing} in namespace {shop.name}: the responder may not (403" in result.detail
    assert "docs/kubernetes-role.yaml" in result.detail
    assert not executor.dry_run(step).possible
    assert shop.version() == version


def test_scaling_does_not_need_the_right_to_change_pod_templates(shop: Namespace, tmp_path: Path) -> None:
    executor = executor_with(shop.account(tmp_path, leave_out=["patch deployments"]))
    assert executor.perform(on_web(shop, "scale_up", max_replicas=3), "key").outcome is SUCCEEDED


def test_rights_in_one_namespace_are_none_in_another(shop: Namespace, tmp_path: Path) -> None:
    executor = executor_with(shop.account(tmp_path))
    result = executor.perform(on_web(shop, "rollout_restart", namespace="kube-system"), "key")
    assert result.outcome is FAILED
    assert "get deployments in namespace kube-system: the responder may not (403" in result.detail


def test_unknown_credentials_are_to_be_renewed_and_never_shown(shop: Namespace, tmp_path: Path) -> None:
    token = "no-such-token-as-this"
    executor = executor_with(shop.kubeconfig_with(tmp_path, token))
    result = executor.perform(on_web(shop, "rollout_restart"), "key")
    assert result.outcome is FAILED
    assert "does not know the responder's credentials (401); renew them" in result.detail
    assert token not in result.detail


def test_a_server_with_another_certificate_is_not_talked_to(shop: Namespace, tmp_path: Path) -> None:
    kubeconfig = shop.kubeconfig_with(tmp_path, "token", **{"tls-server-name": "elsewhere.example"})
    result = executor_with(kubeconfig).perform(on_web(shop, "rollout_restart"), "key")
    assert result.outcome is FAILED
    assert "is not to be trusted: check the server and certificate-authority" in result.detail


def test_a_deployment_that_is_not_there_is_named(shop: Namespace) -> None:
    result = executor_with(shop.kubeconfig).perform(on_web(shop, "rollout_restart", deployment="none"), "key")
    assert result.outcome is FAILED
    assert result.detail.startswith(
        f"there is no deployment none in namespace {shop.name}; look with: kubectl"
    )


def test_a_change_of_another_between_look_and_change_is_looked_at_again(shop: Namespace) -> None:
    wrap = before_the_first_change(lambda: shop.patch({"spec": {"replicas": 4}}))
    executor = KubernetesExecutor(Between(shop.kubeconfig, wrap))
    result = executor.perform(on_web(shop, "scale_up", max_replicas=5), "key")
    assert result.outcome is SUCCEEDED
    assert result.detail == f"scaled deployment {shop.name}/web from 4 to 5 replicas"


@pytest.mark.parametrize(("operation", "fields"), STEPS)
def test_a_change_whose_answer_was_lost_is_not_made_twice(
    shop: Namespace, operation: str, fields: dict[str, int]
) -> None:
    before = shop.get()["metadata"]["generation"]
    executor = KubernetesExecutor(Between(shop.kubeconfig, answer_lost))
    result = executor.perform(on_web(shop, operation, **fields), "key")
    assert result.outcome is SUCCEEDED
    assert shop.get()["metadata"]["generation"] == before + 1


@pytest.mark.parametrize("lost", [True, False])
def test_a_change_after_which_no_server_answers_is_in_doubt(shop: Namespace, lost: bool) -> None:
    executor = KubernetesExecutor(Between(shop.kubeconfig, gone(lost)))
    result = executor.perform(on_web(shop, "rollout_restart", timeout_s=1), "key")
    assert result.outcome is ActionOutcome.INTERRUPTED
    assert ("the server went away" if lost else "the server is not there after 1 s") in result.detail


def test_a_busy_server_is_asked_again(shop: Namespace) -> None:
    executor = KubernetesExecutor(Between(shop.kubeconfig, busy))
    assert executor.perform(on_web(shop, "scale_down"), "key").outcome is SUCCEEDED
    assert shop.replicas() == 1


def test_what_the_server_finds_invalid_is_told(shop: Namespace) -> None:
    executor = executor_with(shop.kubeconfig)
    result = executor.perform(on_web(shop, "rollout_restart"), "k" * 300_000)
    assert result.outcome is FAILED
    assert 'the API server answered 422: Deployment.apps "web" is invalid' in result.detail
