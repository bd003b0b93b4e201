"""The responder as a real process, and pods of a real cluster that it has replaced."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes_cluster import Namespace, namespace
from pipeline_doubles import make_incident
from responder_process import FakeDetector, ResponderProcess
from waiting import eventually

pytestmark = pytest.mark.e2e

QUICK = {
    "AEGISOPS_RESPONDER_SETTLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_STABLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_TIMEOUT_S": "10",
    "AEGISOPS_RESPONDER_VERIFY_GIVE_UP_S": "2",
    "AEGISOPS_RESPONDER_VERIFY_POLL_S": "0.1",
}


@pytest.fixture
def shop() -> Iterator[Namespace]:
    with namespace() as made:
        made.deploy()
        yield made


def responder(directory: Path, shop: Namespace, detector: FakeDetector) -> ResponderProcess:
    """A responder with the documented rights, that may restart the Deployment `web`: the service `shop`."""
    step = f"{{operation: rollout_restart, namespace: {shop.name}, deployment: web}}"
    catalogue, policy = directory / "catalogue.yaml", directory / "policy.yaml"
    catalogue.write_text(
        "version: 1\nprocess_manager:\n  kubernetes: {kubeconfig: '${KUBECONFIG}', context: admin}\n"
        f"services:\n  shop:\n    actions:\n      RESTART: [{{kubernetes: {step}}}]\n"
    )
    policy.write_text("version: 1\nservices:\n  - {name: shop, mode: auto, max_share: 1.0}\n")
    return ResponderProcess(
        directory,
        KUBECONFIG=shop.account(directory),
        AEGISOPS_RESPONDER_CATALOGUE=str(catalogue),
        AEGISOPS_RESPONDER_POLICY=str(policy),
        AEGISOPS_RESPONDER_DETECTOR_URL=detector.url,
        **QUICK,
    )


def test_a_service_is_healed_by_a_rollout_restart(tmp_path: Path, shop: Namespace) -> None:
    ill = shop.pods()

    def well() -> bool:
        return not shop.pods() & ill and shop.settled()

    with FakeDetector(well) as detector, responder(tmp_path, shop, detector) as process:
        process.report(make_incident())
        record = process.wait_for_end()
    assert record["state"] == "RESOLVED", process.log
    (action,) = record["actions"]
    assert (action["action"], action["outcome"]) == ("RESTART", "succeeded")
    assert action["detail"] == f"restarted deployment {shop.name}/web, 2 pods"


def test_killed_during_a_rollout_it_waits_for_its_end_and_makes_no_other(
    tmp_path: Path, shop: Namespace
) -> None:
    ill, before = shop.pods(), shop.get()["metadata"]["generation"]

    def well() -> bool:
        return not shop.pods() & ill and shop.settled()

    with FakeDetector(well) as detector, responder(tmp_path, shop, detector) as process:
        shop.kubelet.working.clear()
        process.report(make_incident())
        eventually(lambda: shop.get()["metadata"]["generation"] > before, "the rollout begins")
        process.kill()
        process.start()
        shop.kubelet.working.set()
        record = process.wait_for_end()
    assert record["state"] == "RESOLVED", process.log
    (action,) = record["actions"]
    assert action["outcome"] == "succeeded"
    assert shop.get()["metadata"]["generation"] == before + 1
