"""The executor for Docker, against a real engine."""

from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from docker_containers import CRASHING, DEAF, HUNGRY, MIB, Project, compose_project
from docker_steps import docker_step, executor_for, of_project

from responder.incident_record import ActionOutcome
from responder.remediate.docker.executor import DockerExecutor
from responder.remediate.executor import ActionResult, DryRun, StepOutcome

pytestmark = pytest.mark.e2e

SUCCEEDED = ActionOutcome.SUCCEEDED
SMALL = 24 * MIB


@pytest.fixture
def project() -> Iterator[Project]:
    with compose_project() as made:
        yield made


@pytest.fixture
def executor(project: Project) -> DockerExecutor:
    return executor_for(project)


def killed_for_memory(project: Project, **host: Any) -> str:
    """A container that the kernel killed because it used more than its limit."""
    limits = {"Memory": SMALL, "MemorySwap": SMALL}
    name = project.run(script=HUNGRY, **limits, **host)
    project.touch(name, "/hungry")
    project.wait_for(name, OOMKilled=True)
    return name


def test_restart_renews_what_runs_and_leaves_what_was_stopped(
    project: Project, executor: DockerExecutor
) -> None:
    first, second, stopped = (project.run(number=n) for n in (1, 2, 3))
    project.api.stop(stopped, timeout=5)
    other = project.run("other")
    before = project.starts() | project.starts("other")
    result = executor.perform(of_project(project, operation="restart"), "key")
    after = project.starts() | project.starts("other")
    assert result == ActionResult(SUCCEEDED, f"restarted {first}, {second}")
    assert {name for name in before if before[name] != after[name]} == {first, second}
    assert project.state(stopped)["Status"] == "exited"
    assert project.state(other)["Running"]


def test_restart_brings_back_a_container_killed_for_memory(
    project: Project, executor: DockerExecutor
) -> None:
    name = killed_for_memory(project)
    assert project.state(name)["ExitCode"] == 137
    result = executor.perform(of_project(project, operation="restart", up_for_s=0), "key")
    assert result == ActionResult(SUCCEEDED, f"restarted {name}")


def test_restart_takes_what_is_down_before_what_runs(project: Project, executor: DockerExecutor) -> None:
    steady = project.run(number=1)
    crashed = project.run(number=2, script="[ -e /crashed ] || { : > /crashed; exit 3; }; sleep 600")
    project.wait_for(crashed, Status="exited")
    dry = executor.dry_run(of_project(project, operation="restart"))
    assert dry == DryRun(True, f"would restart {crashed}, {steady}")
    assert project.state(crashed)["ExitCode"] == 3


def test_restart_of_what_crashes_fails_with_the_reason_and_leaves_the_rest(
    project: Project, executor: DockerExecutor
) -> None:
    steady = project.run(number=1)
    crashing = project.run(number=2, script=CRASHING)
    project.wait_for(crashing, Status="exited")
    before = project.state(steady)["StartedAt"]
    result = executor.perform(of_project(project, operation="restart"), "key")
    assert result == ActionResult(ActionOutcome.FAILED, f"{crashing} did not stay up: exited, exit status 3")
    assert project.state(steady)["StartedAt"] == before


def test_restart_sees_through_a_restart_policy(project: Project, executor: DockerExecutor) -> None:
    name = project.run(script=CRASHING, RestartPolicy={"Name": "always"})
    result = executor.perform(of_project(project, operation="restart", up_for_s=3), "key")
    assert result.outcome is ActionOutcome.FAILED
    assert f"{name} did not stay up" in result.detail


def test_restart_kills_a_container_that_does_not_stop(project: Project, executor: DockerExecutor) -> None:
    name = project.run(script=DEAF)
    before = project.starts()
    result = executor.perform(of_project(project, operation="restart", kill_after_s=0), "key")
    assert result.outcome is SUCCEEDED
    assert project.starts()[name] != before[name]


@pytest.mark.parametrize(
    ("test", "outcome", "says"),
    [("exit 0", SUCCEEDED, "restarted"), ("exit 1", ActionOutcome.FAILED, "its health check fails")],
)
def test_restart_waits_for_the_health_check(
    project: Project, executor: DockerExecutor, test: str, outcome: ActionOutcome, says: str
) -> None:
    check = {"Test": ["CMD-SHELL", test], "Interval": 200_000_000, "Timeout": 10**9, "Retries": 1}
    project.make("web", 1, {"Cmd": ["sleep", "600"], "Healthcheck": check})
    result = executor.perform(of_project(project, operation="restart", kill_after_s=0), "key")
    assert result.outcome is outcome
    assert says in result.detail


def test_restart_starts_the_first_where_all_were_stopped(project: Project, executor: DockerExecutor) -> None:
    first = project.run(number=1, start=False)
    project.run(number=2, start=False)
    result = executor.perform(of_project(project, operation="restart"), "key")
    assert result == ActionResult(SUCCEEDED, f"restarted {first}")


def test_an_interrupted_restart_is_finished_and_not_repeated(
    project: Project, executor: DockerExecutor
) -> None:
    first, second = (project.run(number=n) for n in (1, 2))
    step = of_project(project, operation="restart")
    prior = executor.observe(step)
    executor.perform(docker_step(operation="restart", container=first), "key")
    renewed = project.starts()[first]
    before = executor.already_done(step, prior)
    result = executor.perform(step, "key", prior)
    assert (before, executor.already_done(step, prior)) == (StepOutcome.NOT_DONE, StepOutcome.DONE)
    assert result == ActionResult(SUCCEEDED, f"restarted {second}")
    assert project.starts()[first] == renewed


def test_scale_up_makes_replicas_like_the_one_there_is(project: Project, executor: DockerExecutor) -> None:
    network = f"{project.name}_net"
    project.api.create_network(network, labels={"com.docker.compose.project": project.name})
    host = {"NetworkMode": network, "Memory": 32 * MIB, "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1"}]}}
    endpoint = {"EndpointsConfig": {network: {"Aliases": ["web"]}}}
    config = {
        "Cmd": ["sh", "-c", "echo $COLOUR > /index.html; httpd -f -p 80 -h /"],
        "Env": ["COLOUR=green"],
        "ExposedPorts": {"80/tcp": {}},
        "NetworkingConfig": endpoint,
    }
    first = project.make("web", 1, config, **host)
    result = executor.perform(of_project(project, operation="scale_up", by=2, max_replicas=9), "key")
    made = project.of()
    second, third = (f"{project.name}-web-{n}" for n in (2, 3))
    assert result == ActionResult(SUCCEEDED, f"started {second}, {third}, now 3 replicas")
    assert made.keys() == {first, second, third}
    template, replica = made[first], made[third]
    assert replica["Config"]["Env"] == template["Config"]["Env"]
    assert replica["Image"] == template["Image"]
    assert replica["HostConfig"]["Memory"] == 32 * MIB
    assert replica["Config"]["Labels"]["com.docker.compose.container-number"] == "3"
    assert replica["Config"]["Labels"]["io.aegisops.replica"] == "key"
    assert "web" in replica["NetworkSettings"]["Networks"][network]["Aliases"]
    ports = {one["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"] for one in made.values()}
    assert len(ports) == 3
    with urlopen(f"http://127.0.0.1:{max(ports)}/", timeout=10) as answer:
        assert answer.read() == b"green\n"


def test_scale_up_joins_every_network(project: Project, executor: DockerExecutor) -> None:
    networks = [f"{project.name}_a", f"{project.name}_b"]
    for network in networks:
        project.api.create_network(network, labels={"com.docker.compose.project": project.name})
    first = project.run(start=False, NetworkMode=networks[1])
    project.api.connect_container_to_network(first, networks[0], aliases=["web"])
    project.api.start(first)
    executor.perform(of_project(project, operation="scale_up", max_replicas=2), "key")
    assert project.inspect(f"{project.name}-web-2")["NetworkSettings"]["Networks"].keys() == set(networks)


def test_scale_up_stops_at_the_maximum(project: Project, executor: DockerExecutor) -> None:
    project.run()
    step = of_project(project, operation="scale_up", by=5, max_replicas=2)
    assert executor.perform(step, "key").outcome is SUCCEEDED
    assert len(project.of()) == 2
    full = ActionResult(ActionOutcome.REFUSED, "2 replicas running, max_replicas is 2")
    assert executor.perform(step, "other") == full
    assert executor.dry_run(step) == DryRun(False, full.detail)


def test_scale_up_refuses_what_publishes_a_fixed_port(project: Project, executor: DockerExecutor) -> None:
    bindings = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]}
    project.make(
        "web",
        1,
        {"Cmd": ["sleep", "600"], "ExposedPorts": {"80/tcp": {}}},
        start=False,
        PortBindings=bindings,
    )
    result = executor.perform(of_project(project, operation="scale_up", max_replicas=2), "key")
    assert result.outcome is ActionOutcome.REFUSED
    assert "publishes 18080:80/tcp, and only one container can have that port" in result.detail
    assert len(project.of()) == 1


def test_scale_up_removes_a_replica_that_does_not_come_up(project: Project, executor: DockerExecutor) -> None:
    only = project.run(script='[ "$(cat /proc/1/comm)" ] && [ -e /good ] || exit 4; sleep 600', start=False)
    project.touch(only, "/good")
    project.api.start(only)
    result = executor.perform(of_project(project, operation="scale_up", max_replicas=2), "key")
    second = f"{project.name}-web-2"
    why = f"{second} did not stay up: exited, exit status 4; {second} was removed again"
    assert result == ActionResult(ActionOutcome.FAILED, why)
    assert project.of().keys() == {only}


def test_an_interrupted_scale_up_goes_no_further_than_it_was_meant_to(
    project: Project, executor: DockerExecutor
) -> None:
    project.run()
    step = of_project(project, operation="scale_up", by=3, max_replicas=9)
    prior = executor.observe(step)
    executor.perform(of_project(project, operation="scale_up", by=1, max_replicas=9), "key")
    half = project.make("web", 3, {"Cmd": ["sleep", "1"]}, start=False)  # the crash came before its start
    project.api.remove_container(half)
    labels = {**project.inspect(f"{project.name}-web-2")["Config"]["Labels"]}
    project.make("web", 3, {"Cmd": ["sleep", "1"], "Labels": labels}, start=False)
    before = executor.already_done(step, prior)
    result = executor.perform(step, "key", prior)
    assert (before, executor.already_done(step, prior)) == (StepOutcome.NOT_DONE, StepOutcome.DONE)
    assert result.outcome is SUCCEEDED
    assert [one["State"]["Status"] for one in project.of().values()] == ["running"] * 4


def test_scale_down_removes_only_what_scale_up_made_and_the_last_first(
    project: Project, executor: DockerExecutor
) -> None:
    first, second = (project.run(number=n) for n in (1, 2))
    executor.perform(of_project(project, operation="scale_up", by=2, max_replicas=4), "key")
    down = of_project(project, operation="scale_down", by=1)
    one_less = executor.perform(down, "key")
    rest = executor.perform(of_project(project, operation="scale_down", by=9), "key")
    none = executor.perform(down, "key")
    name = project.name
    assert one_less == ActionResult(SUCCEEDED, f"removed {name}-web-4, now 3 replicas")
    assert rest == ActionResult(SUCCEEDED, f"removed {name}-web-3, now 2 replicas")
    assert none.outcome is ActionOutcome.REFUSED
    assert "2 replicas running, none of them started by scale_up" in none.detail
    assert project.of().keys() == {first, second}


def test_scale_up_is_taken_back_by_removing_what_it_started(
    project: Project, executor: DockerExecutor
) -> None:
    project.run()
    executor.perform(of_project(project, operation="scale_up", max_replicas=9), "earlier")
    step = of_project(project, operation="scale_up", by=2, max_replicas=9)
    before = project.starts()
    prior = executor.observe(step)
    executor.perform(step, "key")
    outcomes = [executor.undo(step, prior, "undo").outcome for _ in range(2)]
    assert outcomes == [SUCCEEDED, SUCCEEDED]
    assert project.starts() == before


def test_scale_down_is_taken_back_by_as_many_new_replicas(project: Project, executor: DockerExecutor) -> None:
    project.run()
    executor.perform(of_project(project, operation="scale_up", max_replicas=9), "earlier")
    step = of_project(project, operation="scale_down")
    prior = executor.observe(step)
    executor.perform(step, "key")
    between = len(project.of())
    outcomes = [executor.undo(step, prior, "undo").outcome for _ in range(2)]
    assert outcomes == [SUCCEEDED, SUCCEEDED]
    assert (between, len(project.of())) == (1, 2)


def test_a_raised_memory_limit_ends_the_killing(project: Project, executor: DockerExecutor) -> None:
    name = killed_for_memory(project)
    step = of_project(project, operation="raise_memory_limit", factor=4, max_bytes="1GiB")
    assert executor.dry_run(step) == DryRun(
        True, f"would raise the memory limit of {name} from 24.0MiB to 96.0MiB; start {name}"
    )
    result = executor.perform(step, "key")
    assert result == ActionResult(
        SUCCEEDED, f"raised the memory limit of {name} from 24.0MiB to 96.0MiB; started {name}"
    )
    project.wait_until(lambda: "full" in project.logs(name))
    assert project.state(name)["Running"]


def test_a_memory_limit_is_raised_while_the_container_runs(
    project: Project, executor: DockerExecutor
) -> None:
    name = project.run(Memory=SMALL, MemorySwap=SMALL + 8 * MIB)
    before = project.starts()
    executor.perform(of_project(project, operation="raise_memory_limit", factor=2, max_bytes="1GiB"), "key")
    host = project.inspect(name)["HostConfig"]
    assert host["Memory"] == 2 * SMALL
    assert host["MemorySwap"] in (2 * SMALL + 8 * MIB, -1)  # -1: a kernel that does not count swap
    assert project.starts() == before


def test_a_memory_limit_is_never_raised_above_its_ceiling(project: Project, executor: DockerExecutor) -> None:
    name = project.run(Memory=SMALL)
    step = of_project(project, operation="raise_memory_limit", factor=10, max_bytes="30MiB")
    assert executor.perform(step, "key").outcome is SUCCEEDED
    assert project.inspect(name)["HostConfig"]["Memory"] == 30 * MIB
    assert executor.perform(step, "other") == ActionResult(
        ActionOutcome.REFUSED, "the memory limit is 30.0MiB, max_bytes is 30.0MiB"
    )


def test_an_interrupted_raise_of_a_limit_is_finished_and_not_repeated(
    project: Project, executor: DockerExecutor
) -> None:
    names = [project.run(number=n, Memory=SMALL, MemorySwap=SMALL) for n in (1, 2)]
    step = of_project(project, operation="raise_memory_limit", factor=2, max_bytes="1GiB")
    prior = executor.observe(step)
    project.api.update_container(names[0], mem_limit=2 * SMALL, memswap_limit=2 * SMALL)
    before = executor.already_done(step, prior)
    result = executor.perform(step, "key", prior)
    assert (before, executor.already_done(step, prior)) == (StepOutcome.NOT_DONE, StepOutcome.DONE)
    assert result.detail == f"raised the memory limit of {names[1]} from 24.0MiB to 48.0MiB"
    assert {one["HostConfig"]["Memory"] for one in project.of().values()} == {2 * SMALL}


def test_a_raised_limit_is_set_back(project: Project, executor: DockerExecutor) -> None:
    name = project.run(Memory=SMALL, MemorySwap=SMALL)
    step = of_project(project, operation="raise_memory_limit", factor=2, max_bytes="1GiB")
    prior = executor.observe(step)
    executor.perform(step, "key")
    results = [executor.undo(step, prior, "undo") for _ in range(2)]
    assert results[0] == ActionResult(
        SUCCEEDED, f"lowered the memory limit of {name} from 48.0MiB to 24.0MiB"
    )
    assert results[1].outcome is SUCCEEDED
    assert project.inspect(name)["HostConfig"]["Memory"] == SMALL


def test_a_limit_is_not_set_back_below_what_is_used(project: Project, executor: DockerExecutor) -> None:
    name = killed_for_memory(project)
    step = of_project(project, operation="raise_memory_limit", factor=4, max_bytes="1GiB")
    prior = executor.observe(step)
    executor.perform(step, "key")
    project.wait_until(lambda: "full" in project.logs(name))
    result = executor.undo(step, prior, "undo")
    assert result.outcome is ActionOutcome.FAILED
    assert "so its limit is left at 96.0MiB" in result.detail
    assert project.state(name)["Running"]


def test_a_container_without_a_limit_has_none_to_raise(project: Project, executor: DockerExecutor) -> None:
    name = project.run()
    result = executor.perform(of_project(project, operation="raise_memory_limit", max_bytes="1GiB"), "key")
    assert result == ActionResult(ActionOutcome.FAILED, f"{name}: there is no memory limit to raise")


def test_a_dry_run_changes_nothing(project: Project, executor: DockerExecutor) -> None:
    project.run(Memory=SMALL)
    before = project.of()
    for step in (
        of_project(project, operation="restart"),
        of_project(project, operation="scale_up", max_replicas=3),
        of_project(project, operation="scale_down"),
        of_project(project, operation="raise_memory_limit", max_bytes="1GiB"),
    ):
        assert executor.dry_run(step).detail
    assert project.of() == before


def test_a_service_that_is_not_there_is_a_failure_that_says_where_to_look(
    project: Project, executor: DockerExecutor
) -> None:
    result = executor.perform(of_project(project, operation="restart", service="wbe"), "key")
    assert result.outcome is ActionOutcome.FAILED
    assert f"no container of service 'wbe' in Compose project '{project.name}'" in result.detail
