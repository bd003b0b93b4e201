"""What every executor promises (`responder.remediate.Executor`), asked of each against a real other side."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker_containers import CRASHING, compose_project
from docker_steps import docker_step, executor_for, of_project
from kubernetes_cluster import BROKEN, namespace
from kubernetes_steps import executor_with, kubernetes_step, on_web
from recording_server import recording_server
from supervisord_process import POISONED, Program, supervisord

from responder.incident_record import ActionOutcome
from responder.remediate import Executor, StepOutcome, Undoable
from responder.remediate.command import CommandExecutor, CommandStep
from responder.remediate.docker.engine import DockerEngine
from responder.remediate.docker.executor import DockerExecutor
from responder.remediate.http import HttpExecutor, HttpStep
from responder.remediate.supervisor.executor import SupervisorExecutor
from responder.remediate.supervisor.rpc import SupervisorClient
from responder.remediate.supervisor.step import Restart

SLOW_S = 1.0


@dataclass(frozen=True)
class World:
    """An executor and steps for it: one that works, one that fails, one that would outlast its time.

    `effects` counts what really happened on the other side; `over_time` is what a step that outlasts its
    time comes to: in doubt, unless the executor can look at the other side.
    """

    executor: Executor[Any]
    works: Any
    fails: Any
    outlasts: Any
    effects: Callable[[], int]
    over_time: ActionOutcome = ActionOutcome.INTERRUPTED


@contextmanager
def supervisor_world(directory: Path) -> Iterator[World]:
    programs = (
        Program("web"),
        Program("poisoned", POISONED, startsecs=1, autostart=False),
        Program("slow", startsecs=60, autostart=False),
    )
    with supervisord(*programs) as daemon:
        daemon.wait_for("web", "RUNNING")
        first = daemon.info("web:web").pid
        yield World(
            SupervisorExecutor(daemon.client),
            works=Restart(operation="restart", program="web"),
            fails=Restart(operation="restart", program="poisoned"),
            outlasts=Restart(operation="restart", program="slow", timeout_s=SLOW_S),
            effects=lambda: int(daemon.info("web:web").pid not in (0, first)),
            over_time=ActionOutcome.FAILED,
        )


@contextmanager
def http_world(directory: Path) -> Iterator[World]:
    with (
        recording_server() as server,
        recording_server(status=500) as broken,
        recording_server(silent=True) as silent,
    ):
        yield World(
            HttpExecutor(),
            works=HttpStep(url=server.url, idempotent=True),
            fails=HttpStep(url=broken.url),
            outlasts=HttpStep(url=silent.url, timeout_s=SLOW_S),
            effects=lambda: len(server.requests),
        )


@contextmanager
def command_world(directory: Path) -> Iterator[World]:
    def python(script: str) -> tuple[str, ...]:
        return (sys.executable, "-S", "-c", script)

    yield World(
        CommandExecutor({}),
        works=CommandStep(argv=python("open('done', 'a').write('x')"), cwd=str(directory), idempotent=True),
        fails=CommandStep(argv=python("raise SystemExit(1)")),
        outlasts=CommandStep(argv=python("import time; time.sleep(600)"), timeout_s=SLOW_S),
        effects=lambda: (directory / "done").stat().st_size if (directory / "done").exists() else 0,
    )


@contextmanager
def docker_world(directory: Path) -> Iterator[World]:
    with compose_project() as project:
        never = {"Test": ["CMD-SHELL", "exit 1"], "Interval": 10**12}
        project.run()
        project.run("crashing", script=CRASHING)
        project.make("slow", 1, {"Cmd": ["sleep", "600"], "Healthcheck": never})
        first = project.starts()
        yield World(
            executor_for(project),
            works=of_project(project, operation="restart"),
            fails=of_project(project, "crashing", operation="restart"),
            outlasts=of_project(project, "slow", operation="restart", timeout_s=SLOW_S, kill_after_s=0),
            effects=lambda: int(project.starts() != first),
            over_time=ActionOutcome.FAILED,
        )


@contextmanager
def kubernetes_world(directory: Path) -> Iterator[World]:
    with namespace() as shop:
        shop.deploy()
        shop.deploy("slow", image=BROKEN)
        first = shop.get()["metadata"]["generation"]
        yield World(
            executor_with(shop.kubeconfig),
            works=on_web(shop, "rollout_restart"),
            fails=on_web(shop, "rollout_restart", deployment="absent"),
            outlasts=on_web(shop, "rollout_restart", deployment="slow", timeout_s=SLOW_S),
            effects=lambda: shop.get()["metadata"]["generation"] - first,
        )


@pytest.fixture(
    params=[
        pytest.param(supervisor_world, id="supervisor"),
        pytest.param(http_world, id="http"),
        pytest.param(command_world, id="command"),
        pytest.param(docker_world, id="docker", marks=pytest.mark.e2e),
        pytest.param(kubernetes_world, id="kubernetes", marks=pytest.mark.e2e),
    ]
)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with request.param(tmp_path) as made:
        yield made


@pytest.fixture(
    params=[
        (
            SupervisorExecutor(SupervisorClient("unix:///tmp/no-supervisord-here.sock")),
            Restart(operation="restart", program="web"),
        ),
        (HttpExecutor(), HttpStep(url="http://127.0.0.1:1/")),
        (CommandExecutor({}), CommandStep(argv=("/nowhere/at/all",))),
        (
            DockerExecutor(DockerEngine("unix:///tmp/no-docker-here.sock")),
            docker_step(operation="restart", container="web"),
        ),
        (
            executor_with("/nowhere/kubeconfig"),
            kubernetes_step(operation="rollout_restart", namespace="shop", deployment="web"),
        ),
    ],
    ids=["supervisor", "http", "command", "docker", "kubernetes"],
)
def absent(request: pytest.FixtureRequest) -> tuple[Executor[Any], Any]:
    """An executor whose other side is not there."""
    pair: tuple[Executor[Any], Any] = request.param
    return pair


def test_a_step_that_works_succeeds_once_and_says_so(world: World) -> None:
    result = world.executor.perform(world.works, "key")
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert result.detail
    assert world.effects() == 1


def test_observing_changes_nothing(world: World) -> None:
    for step in (world.works, world.fails, world.outlasts):
        world.executor.observe(step)
    assert world.effects() == 0


def test_what_was_observed_is_text_to_text(world: World) -> None:
    prior = world.executor.observe(world.works)
    assert all(isinstance(text, str) for pair in prior.items() for text in pair)


def test_asking_whether_it_was_done_changes_nothing(world: World) -> None:
    prior = world.executor.observe(world.works)
    world.executor.already_done(world.works, prior)
    assert world.effects() == 0


def test_a_step_not_performed_is_not_said_to_be_done(world: World) -> None:
    prior = world.executor.observe(world.works)
    assert world.executor.already_done(world.works, prior) is StepOutcome.NOT_DONE


def test_a_step_performed_is_known_or_may_be_performed_again(world: World) -> None:
    prior = world.executor.observe(world.works)
    world.executor.perform(world.works, "key")
    answer = world.executor.already_done(world.works, prior)
    assert answer is StepOutcome.DONE or world.works.idempotent


def test_a_resumed_step_succeeds(world: World) -> None:
    prior = world.executor.observe(world.works)
    assert world.executor.perform(world.works, "key", prior).outcome is ActionOutcome.SUCCEEDED
    assert world.effects() == 1


def test_a_dry_run_says_what_would_be_done_and_does_not_do_it(world: World) -> None:
    dry = world.executor.dry_run(world.works)
    assert dry.possible
    assert dry.detail.startswith("would ")
    assert dry.detail.isprintable()
    assert world.effects() == 0


def test_a_step_that_fails_is_answered_with_a_reason(world: World) -> None:
    result = world.executor.perform(world.fails, "key")
    assert result.outcome is ActionOutcome.FAILED
    assert result.detail.isprintable()
    assert 0 < len(result.detail) <= 1000


def test_a_step_over_its_time_is_answered_and_not_said_to_be_done(world: World) -> None:
    result = world.executor.perform(world.outlasts, "key")
    assert result.outcome is world.over_time
    assert f"{SLOW_S:g} s" in result.detail


def test_a_prior_state_that_makes_no_sense_is_no_error(world: World) -> None:
    for prior in ({}, {"": ""}, {"web:web": "RUNNING x y"}, {"unreachable": "so it was"}):
        assert world.executor.already_done(world.works, prior) in StepOutcome


def test_an_absent_other_side_is_answered_and_not_raised(absent: tuple[Executor[Any], Any]) -> None:
    executor, step = absent
    prior = executor.observe(step)
    assert executor.already_done(step, prior) is StepOutcome.UNKNOWN
    assert executor.dry_run(step).detail
    assert executor.perform(step, "key").outcome is ActionOutcome.FAILED


def test_no_step_is_taken_back_whose_prior_state_is_not_known(absent: tuple[Executor[Any], Any]) -> None:
    executor, step = absent
    if isinstance(executor, Undoable):
        assert executor.undo(step, {}, "key").outcome is ActionOutcome.FAILED
