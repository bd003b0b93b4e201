"""The Docker steps of a catalogue, and what is worked out before an engine is asked for anything."""

import json
from copy import deepcopy
from typing import Any

import pytest
from docker_containers import HOST_VARIABLE, engine_url
from docker_steps import docker_step
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from responder.remediate.docker.engine import Container
from responder.remediate.docker.memory import plan_raise
from responder.remediate.docker.replica import replica_of
from responder.remediate.docker.seen import read_prior, seen, write_prior
from responder.remediate.docker.step import DockerConnection, RaiseMemoryLimit
from responder.remediate.step_error import StepRefusedError

MIB = 1024 * 1024
ID = "4f5e" * 16
ON_WEB = {"project": "shop", "service": "web"}


def container(**changes: Any) -> Container:
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "1",
    }
    details = {
        "Config": {"Hostname": ID[:12], "Image": "shop:latest", "Labels": labels, "Env": ["A=1"]},
        "HostConfig": {"NetworkMode": "shop_default", "PortBindings": {}, "ContainerIDFile": "/run/id"},
        "NetworkSettings": {"Networks": {"shop_default": {"Aliases": [ID[:12], "shop-web-1", "web", "www"]}}},
        "Image": "sha256:abc",
    }
    fields = {
        "id": ID,
        "name": "shop-web-1",
        "status": "running",
        "started_at": "2026-01-01T00:00:00Z",
        "exit_code": 0,
        "oom_killed": False,
        "health": "",
        "memory": 64 * MIB,
        "memory_swap": 128 * MIB,
        "labels": labels,
        "details": details,
    }
    return Container(**{**fields, **changes})


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": "restart"},
        {"operation": "restart", "project": "shop"},
        {"operation": "restart", "service": "web"},
        {"operation": "restart", "container": "shop-web-1", **ON_WEB},
        {"operation": "restart", "container": "../../images/json"},
        {"operation": "scale_up", **ON_WEB},
        {"operation": "scale_up", "container": "shop-web-1", "max_replicas": 2},
        {"operation": "raise_memory_limit", **ON_WEB},
        {"operation": "raise_memory_limit", "max_bytes": "1GiB", "factor": 1, **ON_WEB},
        {"operation": "raise_memory_limit", "max_bytes": "1MiB", **ON_WEB},
        {"operation": "exec", **ON_WEB},
    ],
)
def test_a_step_that_says_too_little_or_too_much_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        docker_step(**fields)


@pytest.mark.parametrize(
    ("fields", "touched"),
    [
        ({"operation": "restart", "at_once": 3}, 3),
        ({"operation": "scale_up", "max_replicas": 4}, 0),
        ({"operation": "scale_down", "by": 2}, 2),
        ({"operation": "raise_memory_limit", "max_bytes": "1GiB"}, 0),
    ],
)
def test_a_step_tells_how_many_it_interrupts_at_once(fields: dict[str, Any], touched: int) -> None:
    assert docker_step(**fields, **ON_WEB).touches() == touched


def test_a_restart_by_name_interrupts_one() -> None:
    assert docker_step(operation="restart", container="shop-web-1", at_once=9).touches() == 1


@pytest.mark.parametrize(
    "url",
    [
        "unix://relative.sock",
        "tcp://",
        "tcp://host",
        "http://host:1",
        "tcp://me:word@host:1",
        "npipe:////./x",
    ],
)
def test_a_connection_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        DockerConnection(url=url)


def test_a_replica_has_a_name_and_number_of_its_own_and_the_very_same_image() -> None:
    replica = replica_of(container(), 7, "INC-1/1/0")
    assert replica.name == "shop-web-7"
    assert replica.config["Image"] == "sha256:abc"
    assert replica.config["Env"] == ["A=1"]
    assert "Hostname" not in replica.config
    assert replica.config["Labels"]["com.docker.compose.container-number"] == "7"
    assert replica.config["Labels"]["io.aegisops.replica"] == "INC-1/1/0"
    assert replica.config["NetworkingConfig"]["EndpointsConfig"] == {
        "shop_default": {"Aliases": ["web", "www"]}
    }


def test_a_replica_of_a_container_with_a_name_of_its_own_is_named_by_project_and_service() -> None:
    assert replica_of(container(name="frontend"), 2, "k").name == "shop-web-2"


@pytest.mark.parametrize("port", ["", "0", "8000-8010"])
def test_a_port_that_is_not_fixed_is_no_hindrance(port: str) -> None:
    published = container()
    published.details["HostConfig"]["PortBindings"] = {
        "80/tcp": [{"HostIp": "", "HostPort": port}],
        "81/tcp": None,
    }
    assert replica_of(published, 2, "k").config["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"] == port


def test_a_fixed_port_is_a_refusal() -> None:
    published = container()
    published.details["HostConfig"]["PortBindings"] = {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    with pytest.raises(StepRefusedError, match="publishes 8080:80/tcp"):
        replica_of(published, 2, "k")


def test_making_a_replica_leaves_the_template_as_it_was() -> None:
    template = container()
    before = deepcopy(template.details)
    replica = replica_of(template, 2, "k")
    replica.config["HostConfig"]["Memory"] = 1
    assert template.details == before
    assert json.dumps(replica.config)


@given(
    status=st.sampled_from(["running", "exited", "restarting", "paused", "created", "dead"]),
    exit_code=st.integers(0, 255),
    oom_killed=st.booleans(),
    memory=st.integers(0, 2**50),
    memory_swap=st.integers(-1, 2**50),
)
def test_what_was_seen_is_read_back(
    status: str, exit_code: int, oom_killed: bool, memory: int, memory_swap: int
) -> None:
    one = container(
        status=status, exit_code=exit_code, oom_killed=oom_killed, memory=memory, memory_swap=memory_swap
    )
    running = container(id="2" * 64)
    assert read_prior(write_prior([one, running])) == {ID: seen(one), running.id: seen(running)}


def test_where_none_is_wanted_the_first_is_remembered_as_the_one_to_restart() -> None:
    stopped = [container(id=digit * 64, status="exited") for digit in "21"]
    before = read_prior(write_prior(stopped))
    assert before is not None
    assert {id_ for id_, one in before.items() if one.wanted} == {"2" * 64}


@given(st.dictionaries(st.text(), st.text()))
def test_any_other_prior_state_is_not_known(prior: dict[str, str]) -> None:
    assert read_prior(prior) is None


@given(
    memory=st.integers(6 * MIB, 2**48),
    swap=st.integers(0, 2**40),
    ceiling=st.integers(6 * MIB, 2**50),
    factor=st.floats(1, 10, exclude_min=True),
)
@example(memory=64 * MIB, swap=0, ceiling=2**40, factor=1.0000000000000002)
def test_a_limit_is_raised_in_bounds_and_keeps_its_swap(
    memory: int, swap: int, ceiling: int, factor: float
) -> None:
    step = RaiseMemoryLimit(operation="raise_memory_limit", max_bytes=ceiling, factor=factor, **ON_WEB)
    try:
        plan = plan_raise(step, [container(memory=memory, memory_swap=memory + swap)], None)
    except StepRefusedError:
        assert memory + 4096 > ceiling
        return
    (change,) = plan.changes
    assert memory < change.memory <= ceiling
    assert change.memory_swap - change.memory == swap


@pytest.mark.parametrize(("ci", "ending"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_engine_fails_under_ci_and_skips_elsewhere(
    monkeypatch: pytest.MonkeyPatch, ci: str, ending: type[BaseException]
) -> None:
    monkeypatch.delenv(HOST_VARIABLE, raising=False)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(ending, match=HOST_VARIABLE):
        engine_url()
