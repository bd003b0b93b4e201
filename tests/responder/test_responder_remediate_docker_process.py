"""The responder as a real process, and containers that the kernel really kills: seen running again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_containers import HUNGRY, MIB, Project, compose_project
from pipeline_doubles import make_incident
from responder_process import FakeDetector, ResponderProcess
from waiting import eventually

pytestmark = pytest.mark.e2e

# Says that it was asked to stop, and goes on.
STUBBORN = "trap 'echo asked' TERM; while true; do sleep 0.1; done"
QUICK = {
    "AEGISOPS_RESPONDER_SETTLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_STABLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_TIMEOUT_S": "10",
    "AEGISOPS_RESPONDER_VERIFY_GIVE_UP_S": "2",
    "AEGISOPS_RESPONDER_VERIFY_POLL_S": "0.1",
}
ACTIONS = {
    "RESTART": "operation: restart, kill_after_s: 4",
    "RAISE_LIMIT": "operation: raise_memory_limit, factor: 4, max_bytes: 128MiB",
}


@pytest.fixture
def project() -> Iterator[Project]:
    with compose_project() as made:
        yield made


def responder(directory: Path, project: Project, detector: FakeDetector, *actions: str) -> ResponderProcess:
    """A responder that may do `actions` with the project's service `web`, which telemetry calls `shop`."""
    declared = "\n".join(
        f"      {name}: [{{docker: {{project: {project.name}, service: web, {ACTIONS[name]}}}}}]"
        for name in actions
    )
    catalogue, policy = directory / "catalogue.yaml", directory / "policy.yaml"
    catalogue.write_text(
        "version: 1\nprocess_manager:\n  docker: {url: '${DOCKER_HOST}'}\n"
        f"services:\n  shop:\n    actions:\n{declared}\n"
    )
    policy.write_text("version: 1\nservices:\n  - {name: shop, mode: auto, max_share: 1.0}\n")
    return ResponderProcess(
        directory,
        DOCKER_HOST=project.url,
        AEGISOPS_RESPONDER_CATALOGUE=str(catalogue),
        AEGISOPS_RESPONDER_POLICY=str(policy),
        AEGISOPS_RESPONDER_DETECTOR_URL=detector.url,
        **QUICK,
    )


def test_a_service_killed_for_memory_is_restarted_in_vain_and_then_given_more(
    tmp_path: Path, project: Project
) -> None:
    name = project.run(script=HUNGRY, Memory=24 * MIB, MemorySwap=24 * MIB)
    project.touch(name, "/hungry")
    project.wait_for(name, OOMKilled=True, ExitCode=137)

    def well() -> bool:
        return project.state(name)["Running"] and "full" in project.logs(name)

    with (
        FakeDetector(well) as detector,
        responder(tmp_path, project, detector, "RESTART", "RAISE_LIMIT") as process,
    ):
        process.report(make_incident())
        record = process.wait_for_end()
    assert record["state"] == "RESOLVED", process.log
    restart, raised = record["actions"]
    # Killed again: before it counted as up, or after that and seen by verification.
    assert restart["action"] == "RESTART"
    assert restart["outcome"] == "failed" or restart["verification"] == "not_recovered"
    assert (raised["action"], raised["outcome"]) == ("RAISE_LIMIT", "succeeded")
    assert raised["detail"].startswith(f"raised the memory limit of {name} from 24.0MiB to 96.0MiB")
    assert well()


def test_killed_while_a_container_stops_it_does_not_restart_it_again(
    tmp_path: Path, project: Project
) -> None:
    name = project.run(script=STUBBORN)
    (before,) = project.starts().values()

    def renewed() -> bool:
        return project.starts()[name] != before

    with FakeDetector(renewed) as detector, responder(tmp_path, project, detector, "RESTART") as process:
        process.report(make_incident())
        eventually(lambda: "asked" in project.logs(name), "the engine stops the container")
        process.kill()
        eventually(renewed, "the engine restarts the container")
        (once,) = project.starts().values()
        process.start()
        record = process.wait_for_end()
    assert record["state"] == "RESOLVED", process.log
    (action,) = record["actions"]
    assert "had taken effect before the responder was interrupted" in action["detail"]
    assert project.starts() == {name: once}
