"""docker-compose.yml on a real engine: faults are injected, the responder heals through the socket proxy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from compose_stack import ComposeStack, compose_stack, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900), pytest.mark.xdist_group("compose")]

ENDS = {"RESOLVED", "REJECTED", "ESCALATED", "FAILED"}
CACHE = Path.home() / ".cache" / "aegisops-tests"


@pytest.fixture(scope="module")
def stack() -> Iterator[ComposeStack]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with compose_stack(CACHE) as running:
        wait_until(
            lambda: (running.service_health("buggy-app") or {}).get("warm", False),
            120,
            lambda: running.run("ps"),
        )
        yield running


def healed(stack: ComposeStack, before: int) -> dict[str, Any]:
    """The incident that came after `before` others, once it has ended."""

    def ended() -> bool:
        found = stack.incidents()
        return len(found) > before and all(one["state"] in ENDS for one in found)

    wait_until(ended, 120, lambda: f"{stack.incidents()}\n{stack.logs('responder')}")
    return stack.incidents()[0]


def test_a_leak_is_healed_by_a_restart_through_the_socket_proxy(stack: ComposeStack) -> None:
    ((name, container),) = stack.containers("buggy-app").items()
    stack.inject("memory_oom")
    incident = healed(stack, 0)
    assert incident["state"] == "RESOLVED", incident
    assert [(one["action"], one["outcome"]) for one in incident["actions"]] == [("RESTART", "succeeded")], (
        incident
    )
    ((same, restarted),) = stack.containers("buggy-app").items()
    assert same == name
    assert restarted["Id"] == container["Id"]
    assert restarted["State"]["StartedAt"] > container["State"]["StartedAt"]
    assert f"/containers/{container['Id']}/restart?t=5 204" in stack.logs("docker-proxy")
