"""Rollbacks of Deployments, against a real API server and its controllers."""

from collections.abc import Iterator

import pytest
from kubernetes_cluster import BROKEN, Namespace, namespace
from kubernetes_steps import executor_with, on_web

from responder.incident_record import ActionOutcome
from responder.remediate.executor import ActionResult
from responder.remediate.kubernetes.executor import KubernetesExecutor

pytestmark = pytest.mark.e2e

SUCCEEDED = ActionOutcome.SUCCEEDED
REFUSED = ActionOutcome.REFUSED


@pytest.fixture
def shop() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


@pytest.fixture
def executor(shop: Namespace) -> KubernetesExecutor:
    return executor_with(shop.kubeconfig)


def test_a_rollback_brings_the_release_before_back_whole(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    shop.deploy()
    before = shop.get()["spec"]["template"]
    shop.release("app:2", annotations={"added": "by the new release"})
    result = executor.perform(on_web(shop, "rollback"), "key")
    assert result == ActionResult(
        SUCCEEDED, f"rolled deployment {shop.name}/web back to revision 1 (app:1), 2 pods"
    )
    assert shop.get()["spec"]["template"] == before


def test_a_rollback_leaves_each_release_its_own_change_cause(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    cause = "kubernetes.io/change-cause"
    shop.deploy()
    shop.release("app:2")
    shop.patch({"metadata": {"annotations": {cause: "the second release"}}})
    shop.wait_until(lambda: "the second release" in shop.replica_sets(cause).values())
    executor.perform(on_web(shop, "rollback"), "key")
    assert sorted(shop.replica_sets(cause).values()) == ["", "the second release"]
    assert cause not in shop.get()["metadata"]["annotations"]


def test_a_rollback_passes_over_restarts_of_the_same_release(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    shop.deploy()
    shop.release("app:2")
    executor.perform(on_web(shop, "rollout_restart"), "key 1")
    assert executor.perform(on_web(shop, "rollback"), "key 2").outcome is SUCCEEDED
    assert shop.image() == "app:1"


def test_a_rollback_leaves_a_release_that_never_came_up(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    shop.deploy()
    shop.release(BROKEN, settle=False)
    assert executor.perform(on_web(shop, "rollback"), "key").outcome is SUCCEEDED
    assert shop.image() == "app:1"


def test_what_kubernetes_said_of_the_rollout_before_is_not_taken_for_this_one(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    shop.deploy(strategy={"type": "Recreate"}, progressDeadlineSeconds=1)
    shop.release(BROKEN, settle=False)
    shop.wait_until(lambda: "ProgressDeadlineExceeded" in str(shop.get()["status"]))
    shop.patch({"spec": {"progressDeadlineSeconds": 60}})
    result = executor.perform(on_web(shop, "rollback", max_unavailable=2), "key")
    assert result.outcome is SUCCEEDED
    assert shop.image() == "app:1"


def test_no_rollback_goes_back_to_what_a_rollback_left(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    shop.release("app:2")
    executor.perform(on_web(shop, "rollback"), "key 1")
    executor.perform(on_web(shop, "rollout_restart"), "key 2")
    result = executor.perform(on_web(shop, "rollback"), "key 3")
    assert result.outcome is REFUSED
    assert "was rolled back already, from revision 2" in result.detail
    assert shop.image() == "app:1"


def test_there_is_no_rollback_of_the_first_release(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    executor.perform(on_web(shop, "rollout_restart"), "key 1")
    result = executor.perform(on_web(shop, "rollback"), "key 2")
    assert result.outcome is REFUSED
    assert f"keeps no release of deployment {shop.name}/web before this one" in result.detail


def test_a_rollback_is_undone_and_may_be_made_again(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    shop.release("app:2")
    step = on_web(shop, "rollback")
    prior = executor.observe(step)
    executor.perform(step, "key")
    undone, again = (executor.undo(step, prior, "key") for _ in range(2))
    assert undone.outcome is again.outcome is SUCCEEDED
    assert shop.image() == "app:2"
    assert executor.perform(step, "another key").outcome is SUCCEEDED


def test_a_rollback_is_not_undone_past_another_release(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    shop.release("app:2")
    step = on_web(shop, "rollback")
    prior = executor.observe(step)
    executor.perform(step, "key")
    shop.release("app:3")
    result = executor.undo(step, prior, "key")
    assert result.outcome is REFUSED
    assert "has another release since" in result.detail
    assert shop.image() == "app:3"
