"""What the executor asks of the engine, and what it says when the engine or a proxy does not answer."""

import ast
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_containers import HUNGRY, MIB, Project, compose_project
from docker_proxy import docker_proxy
from docker_steps import docker_step, of_project
from recording_server import recording_server

from responder.incident_record import ActionOutcome
from responder.remediate.docker import engine
from responder.remediate.docker.engine import DockerEngine
from responder.remediate.docker.executor import DockerExecutor
from responder.remediate.executor import StepOutcome

CALL = re.compile(r"^ *(GET|POST|DELETE) +(/\S+)", re.MULTILINE)
RESTART = docker_step(operation="restart", container="web")


def documented() -> frozenset[str]:
    """The calls the module says it makes."""
    text = ast.get_docstring(ast.parse(Path(engine.__file__).read_text()))
    assert text is not None
    return frozenset(f"{method} {path}" for method, path in CALL.findall(text))


READING = {"GET /version", "GET /containers/json", "GET /containers/{id}/json"}


@pytest.fixture
def project() -> Iterator[Project]:
    with compose_project() as made:
        yield made


@pytest.mark.e2e
def test_it_works_behind_a_proxy_that_passes_only_the_documented_calls(project: Project) -> None:
    networks = [f"{project.name}_{n}" for n in "ab"]
    for network in networks:
        project.api.create_network(network, labels={"com.docker.compose.project": project.name})
    name = project.run(start=False, NetworkMode=networks[0], Memory=24 * MIB, MemorySwap=24 * MIB)
    project.api.connect_container_to_network(name, networks[1])
    project.api.start(name)
    steps = [
        (of_project(project, operation="restart"), False),
        (of_project(project, operation="scale_up", max_replicas=2), True),
        (of_project(project, operation="scale_up", max_replicas=2), False),
        (of_project(project, operation="scale_down"), True),
        (of_project(project, operation="raise_memory_limit", max_bytes="1GiB"), True),
    ]
    with docker_proxy(project.url, documented()) as proxy:
        executor = DockerExecutor(DockerEngine(proxy.url))
        for step, take_back in steps:
            prior = executor.observe(step)
            result = executor.perform(step, "key")
            assert result.outcome is ActionOutcome.SUCCEEDED, result.detail
            assert executor.already_done(step, prior) is StepOutcome.DONE
            if take_back:
                undone = executor.undo(step, prior, "undo")
                assert undone.outcome is ActionOutcome.SUCCEEDED, undone.detail
        assert set(proxy.calls) == documented()


@pytest.mark.e2e
def test_a_call_the_proxy_does_not_pass_is_named(project: Project) -> None:
    name = project.run(script=HUNGRY)
    before = project.starts()
    with docker_proxy(project.url, READING) as proxy:
        result = DockerExecutor(DockerEngine(proxy.url)).perform(
            of_project(project, operation="restart"), "key"
        )
    assert result.outcome is ActionOutcome.FAILED
    assert "does not allow POST /containers/{id}/restart; let the socket proxy there pass it" in result.detail
    assert project.starts() == before
    assert project.state(name)["Running"]


@pytest.mark.e2e
def test_a_change_that_gets_no_answer_is_in_doubt(project: Project) -> None:
    project.run()
    restart = of_project(project, operation="restart", kill_after_s=0)
    with docker_proxy(project.url, documented(), {"POST /containers/{id}/restart"}) as proxy:
        result = DockerExecutor(DockerEngine(proxy.url, call_timeout_s=2.0)).perform(restart, "key")
    assert result.outcome is ActionOutcome.INTERRUPTED
    assert result.detail == "POST /containers/{id}/restart: the engine gave no answer in time"


@pytest.mark.e2e
def test_what_the_engine_refuses_is_told_in_its_words(project: Project) -> None:
    project.run()
    taken = f"{project.name}-web-2"
    labels = {"com.docker.compose.project": project.name}  # of no service, so that it is not counted
    project.make("web", 2, {"Cmd": ["sleep", "1"], "Labels": labels}, start=False)
    step = of_project(project, operation="scale_up", max_replicas=2)
    result = DockerExecutor(DockerEngine(project.url)).perform(step, "key")
    assert result.outcome is ActionOutcome.FAILED
    assert "POST /containers/create: the engine answered 409" in result.detail
    assert f'"/{taken}" is already in use' in result.detail


def test_a_call_that_is_not_documented_is_not_made() -> None:
    source = Path(engine.__file__).read_text()
    made = set(re.findall(r'"((?:GET|POST|DELETE) /[^"]+)"', source))
    assert made == documented()


def test_an_absent_socket_is_answered_with_what_to_do() -> None:
    result = DockerExecutor(DockerEngine("unix:///tmp/no-docker-here.sock")).perform(RESTART, "key")
    assert result.outcome is ActionOutcome.FAILED
    assert (
        "(No such file or directory): start the engine, or correct process_manager.docker.url"
        in result.detail
    )


def test_a_refused_connection_is_answered_with_what_to_do() -> None:
    result = DockerExecutor(DockerEngine("tcp://127.0.0.1:1")).perform(RESTART, "key")
    assert result.outcome is ActionOutcome.FAILED
    assert "(Connection refused): start the engine" in result.detail


def test_a_name_that_leads_nowhere_is_answered() -> None:
    result = DockerExecutor(DockerEngine("tcp://localhost.invalid:2375")).perform(RESTART, "key")
    assert result.outcome is ActionOutcome.FAILED
    assert "localhost.invalid" in result.detail


def test_another_server_is_not_taken_for_an_engine() -> None:
    with recording_server() as server:
        url = server.url.replace("http://", "tcp://").rstrip("/")
        result = DockerExecutor(DockerEngine(url)).perform(RESTART, "key")
    assert result.outcome is ActionOutcome.FAILED
    assert url in result.detail


def test_an_engine_that_does_not_answer_is_given_up() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        engine = DockerEngine(f"tcp://127.0.0.1:{listening.getsockname()[1]}", call_timeout_s=0.2)
        result = DockerExecutor(engine).perform(RESTART, "key")
    assert result.outcome is ActionOutcome.FAILED  # nothing had been asked for yet
    assert "no answer in time" in result.detail
