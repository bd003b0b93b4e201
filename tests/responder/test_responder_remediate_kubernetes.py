"""The executor for Kubernetes, against a real API server and its controllers."""

from collections.abc import Iterator

import pytest
from kubernetes_cluster import BROKEN, Namespace, namespace
from kubernetes_steps import executor_with, kubernetes_step, on_web

from responder.incident_record import ActionOutcome
from responder.remediate.executor import ActionResult, StepOutcome
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


def test_a_rollout_restart_replaces_every_pod(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    pods, releases = shop.pods(), shop.replica_sets()
    result = executor.perform(on_web(shop, "rollout_restart"), "key")
    assert result == ActionResult(SUCCEEDED, f"restarted deployment {shop.name}/web, 2 pods")
    assert len(shop.pods()) == 2
    assert not shop.pods() & pods
    assert len(shop.replica_sets().keys() - releases) == 1
    assert shop.get()["metadata"]["annotations"]["aegisops.io/last-step"] == "key"


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_rollout_restart_replaces_the_pods_of_other_workloads(
    shop: Namespace, executor: KubernetesExecutor, kind: str
) -> None:
    shop.node()
    shop.deploy(kind=kind)
    pods = shop.pods()
    step = kubernetes_step(operation="rollout_restart", namespace=shop.name, **{kind.lower(): "web"})
    assert executor.perform(step, "key").outcome is SUCCEEDED
    assert len(shop.pods()) == len(pods)
    assert not shop.pods() & pods


def test_a_rollout_that_does_not_come_up_is_in_doubt_when_the_time_is_over(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    shop.deploy(image=BROKEN)
    result = executor.perform(on_web(shop, "rollout_restart", timeout_s=1), "key")
    assert result.outcome is ActionOutcome.INTERRUPTED
    assert "0 of 2 pods new and available after 1 s; Kubernetes goes on with it" in result.detail
    assert f"kubectl -n {shop.name} rollout status deployment/web" in result.detail


def test_a_rollout_that_kubernetes_gives_up_has_failed(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy(image=BROKEN, progressDeadlineSeconds=1)
    result = executor.perform(on_web(shop, "rollout_restart"), "key")
    assert result.outcome is ActionOutcome.FAILED
    assert "Kubernetes gave the rollout up: ReplicaSet" in result.detail


def test_a_paused_rollout_is_not_restarted(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    shop.patch({"spec": {"paused": True}})
    result = executor.perform(on_web(shop, "rollout_restart"), "key")
    assert result.outcome is REFUSED
    assert f"resume it with: kubectl -n {shop.name} rollout resume deployment/web" in result.detail


def test_a_rollout_paused_on_its_way_has_failed(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    step = on_web(shop, "rollout_restart")
    prior = executor.observe(step)
    shop.release(BROKEN, settle=False)
    shop.patch({"spec": {"paused": True}})
    result = executor.perform(step, "key", prior)
    assert result.outcome is ActionOutcome.FAILED
    assert "somebody paused the rollout" in result.detail


def test_a_rollout_that_takes_more_away_than_the_step_allows_is_refused(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    shop.deploy(strategy={"type": "Recreate"})
    refused = executor.perform(on_web(shop, "rollout_restart"), "key")
    allowed = executor.perform(on_web(shop, "rollout_restart", max_unavailable=2), "key")
    assert refused.outcome is REFUSED
    assert "takes up to 2 of 2 pods away at once, max_unavailable of the step is 1" in refused.detail
    assert allowed.outcome is SUCCEEDED


def test_scaling_up_stops_at_the_cap(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    step = on_web(shop, "scale_up", by=5, max_replicas=3)
    result = executor.perform(step, "key")
    again = executor.perform(step, "another key")
    assert result == ActionResult(SUCCEEDED, f"scaled deployment {shop.name}/web from 2 to 3 replicas")
    assert again == ActionResult(REFUSED, f"deployment {shop.name}/web has 3 replicas, max_replicas is 3")
    assert len(shop.pods()) == 3


def test_scaling_down_stops_at_the_least(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy(replicas=3)
    step = on_web(shop, "scale_down", by=5, min_replicas=2)
    result = executor.perform(step, "key")
    assert result == ActionResult(SUCCEEDED, f"scaled deployment {shop.name}/web from 3 to 2 replicas")
    assert executor.perform(step, "another key").outcome is REFUSED
    assert len(shop.pods()) == 2


def test_a_stateful_set_is_scaled(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy(kind="StatefulSet")
    step = kubernetes_step(operation="scale_up", namespace=shop.name, statefulset="web", max_replicas=3)
    assert executor.perform(step, "key").outcome is SUCCEEDED
    assert shop.replicas(kind="StatefulSet") == 3


def test_what_an_autoscaler_scales_is_left_to_it(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    shop.autoscale()
    result = executor.perform(on_web(shop, "scale_up", max_replicas=9), "key")
    assert result.outcome is REFUSED
    assert "the HorizontalPodAutoscaler web-scaler scales" in result.detail
    assert shop.replicas() == 2


@pytest.mark.parametrize("operation", ["scale_up", "rollout_restart"])
def test_what_was_switched_off_stays_off(
    shop: Namespace, executor: KubernetesExecutor, operation: str
) -> None:
    shop.deploy(replicas=0)
    more = {"max_replicas": 3} if operation == "scale_up" else {}
    assert executor.perform(on_web(shop, operation, **more), "key").outcome is REFUSED
    assert shop.replicas() == 0


@pytest.mark.parametrize(
    ("operation", "fields", "intends"),
    [
        ("rollout_restart", {}, "would restart deployment {}/web, 2 pods"),
        ("scale_up", {"max_replicas": 4}, "would scale deployment {}/web from 2 to 3 replicas"),
        ("scale_down", {}, "would scale deployment {}/web from 2 to 1 replica"),
        ("rollback", {}, "would roll deployment {}/web back to revision 1 (app:1), 2 pods"),
    ],
)
def test_a_dry_run_changes_nothing(
    shop: Namespace, executor: KubernetesExecutor, operation: str, fields: dict[str, int], intends: str
) -> None:
    shop.deploy()
    shop.release("app:2")
    version = shop.version()
    dry = executor.dry_run(on_web(shop, operation, **fields))
    assert (dry.possible, dry.detail) == (True, intends.format(shop.name))
    assert shop.version() == version


def test_a_dry_run_is_refused_where_the_server_would_refuse(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    dry = executor.dry_run(on_web(shop, "rollout_restart"))
    assert not dry.possible
    assert dry.detail == (
        f"there is no deployment web in namespace {shop.name}; look with: kubectl -n {shop.name} get "
        "deployments"
    )


@pytest.mark.parametrize(("operation", "fields"), [("scale_up", {"max_replicas": 4}), ("scale_down", {})])
def test_scaling_is_undone_and_no_further(
    shop: Namespace, executor: KubernetesExecutor, operation: str, fields: dict[str, int]
) -> None:
    shop.deploy()
    step = on_web(shop, operation, **fields)
    prior = executor.observe(step)
    executor.perform(step, "key")
    undone, again = (executor.undo(step, prior, "key") for _ in range(2))
    assert undone.outcome is again.outcome is SUCCEEDED
    assert shop.replicas() == 2
    shop.patch({"spec": {"replicas": 7}})
    result = executor.undo(step, prior, "key")
    assert result.outcome is REFUSED
    assert "somebody else scaled it" in result.detail
    assert shop.replicas() == 7


def test_a_restart_has_no_undo(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    step = on_web(shop, "rollout_restart")
    assert not executor.can_undo(step)
    assert executor.undo(step, executor.observe(step), "key").outcome is REFUSED


@pytest.mark.parametrize(
    ("operation", "fields"),
    [("rollout_restart", {}), ("scale_up", {"max_replicas": 4}), ("scale_down", {}), ("rollback", {})],
)
def test_a_step_interrupted_after_its_change_is_finished_and_not_repeated(
    shop: Namespace, executor: KubernetesExecutor, operation: str, fields: dict[str, int]
) -> None:
    shop.deploy()
    shop.release("app:2")
    step = on_web(shop, operation, **fields)
    prior = executor.observe(step)
    assert executor.already_done(step, prior) is StepOutcome.NOT_DONE
    executor.perform(step, "key")
    assert executor.already_done(step, prior) is StepOutcome.DONE
    generation = shop.get()["metadata"]["generation"]
    assert executor.perform(step, "key", prior).outcome is SUCCEEDED
    assert shop.get()["metadata"]["generation"] == generation


def test_a_restart_still_under_way_is_not_said_to_be_done(
    shop: Namespace, executor: KubernetesExecutor
) -> None:
    shop.deploy(image=BROKEN)
    step = on_web(shop, "rollout_restart", timeout_s=1)
    prior = executor.observe(step)
    executor.perform(step, "key")
    assert executor.already_done(step, prior) is StepOutcome.NOT_DONE


def test_what_was_made_anew_since_is_left_alone(shop: Namespace, executor: KubernetesExecutor) -> None:
    shop.deploy()
    step = on_web(shop, "rollout_restart")
    prior = executor.observe(step)
    shop.delete()
    shop.deploy()
    generation = shop.get()["metadata"]["generation"]
    assert executor.already_done(step, prior) is StepOutcome.UNKNOWN
    result = executor.perform(step, "key", prior)
    assert result.outcome is ActionOutcome.FAILED
    assert "was deleted and made anew since" in result.detail
    assert shop.get()["metadata"]["generation"] == generation
