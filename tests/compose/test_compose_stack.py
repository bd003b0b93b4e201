"""docker-compose.yml on a real engine: faults are injected, the responder heals through the socket proxy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from compose_stack import ComposeStack, compose_stack, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CACHE = Path.home() / ".cache" / "aegisops-tests"


@pytest.fixture(scope="module")
def stack() -> Iterator[ComposeStack]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with compose_stack(CACHE) as running:
        wait_until(running.all_healthy, 120, lambda: running.run("ps"))
        wait_until(
            lambda: (running.service_health("buggy-app") or {}).get("warm", False),
            120,
            lambda: running.run("ps"),
        )
        yield running


def test_a_leak_is_healed_by_a_restart_through_the_socket_proxy(stack: ComposeStack) -> None:
    ((name, container),) = stack.containers("buggy-app").items()

    def healed() -> bool:
        return any(
            incident["state"] == "RESOLVED" and restart_of(incident) == f"restarted {name}"
            for incident in stack.incidents()
        )

    stack.inject("memory_oom")
    wait_until(healed, 180, lambda: f"{stack.incidents()}\n{stack.logs('responder')}")
    restarted = stack.containers("buggy-app")[name]
    assert restarted["Id"] == container["Id"]
    assert restarted["State"]["StartedAt"] > container["State"]["StartedAt"]
    assert f"/containers/{container['Id']}/restart?t=5 204" in stack.logs("docker-proxy")


def test_a_replica_that_scale_up_makes_takes_load(stack: ComposeStack) -> None:
    (first,) = stack.containers("buggy-app")
    said = stack.scale_up_by_the_executor()
    second = f"{stack.project}_buggy-app_2"
    assert said == f"started {second}, now 2 replicas"
    assert set(stack.containers("buggy-app")) == {first, second}
    stack.api.stop(first, timeout=5)
    # With the first one gone, whoever answers is the second.
    wait_until(lambda: answers(f"{stack.url('nginx', 8080)}/health"), 30, lambda: stack.logs("nginx"))
    assert not stack.containers("buggy-app")[first]["State"]["Running"]


def restart_of(incident: dict[str, Any]) -> str:
    """What the restart among the incident's actions says; empty where there is none that succeeded."""
    done = (one for one in incident["actions"] if one["outcome"] == "succeeded")
    return next((one["detail"] for one in done if one["action"] == "RESTART"), "")


def answers(url: str) -> bool:
    return httpx.get(url, timeout=10.0).status_code == httpx.codes.OK
