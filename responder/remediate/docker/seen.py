"""What of a container is remembered from before a step, and what its state says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from responder.remediate.docker.engine import Container
from responder.remediate.executor import PriorState

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONE_OFF = "com.docker.compose.oneoff"
REPLICA = "io.aegisops.replica"
"""The label of what `scale_up` made; its value is the step's idempotency key."""

_REPLICA_STATES = frozenset({"running", "restarting"})
# Exit statuses of a container that was stopped: it ended by itself, by SIGKILL, by SIGTERM.
_STOPPED = frozenset({0, 137, 143})
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """A container as it was observed. `wanted`: a restart is for it; `ours`: made by `scale_up`."""

    status: str
    started_at: str
    wanted: bool
    ours: bool
    memory: int
    memory_swap: int

    @property
    def replica(self) -> bool:
        """Whether it counts as one that runs."""
        return self.status in _REPLICA_STATES


Before = Mapping[str, Seen]


def seen(container: Container) -> Seen:
    """The container as it is now."""
    return Seen(
        container.status,
        container.started_at,
        _wanted(container),
        REPLICA in container.labels,
        container.memory,
        container.memory_swap,
    )


def write_prior(containers: list[Container]) -> PriorState:
    """By container id; `read_prior` reads it back. Where none is wanted, the first is the one to restart."""
    states = [seen(c) for c in containers]
    if not any(state.wanted for state in states):
        states[0] = replace(states[0], wanted=True)
    return {c.id: _text(state) for c, state in zip(containers, states, strict=True)}


def read_prior(prior: PriorState) -> Before | None:
    """None when nothing was seen before the step."""
    before = {}
    for id_, text in prior.items():
        parts = text.split(" ")
        numbers = parts[2:]
        if not id_ or len(parts) != _FIELDS or not all(re.fullmatch(r"-?\d{1,18}", n) for n in numbers):
            return None
        wanted, ours, memory, swap = (int(n) for n in numbers)
        before[id_] = Seen(parts[0], parts[1], bool(wanted), bool(ours), memory, swap)
    return before or None


def _text(one: Seen) -> str:
    return f"{one.status} {one.started_at} {one.wanted:d} {one.ours:d} {one.memory} {one.memory_swap}"


def _wanted(container: Container) -> bool:
    """Paused, never started, or ended as by a stop is somebody's decision; ended any other way is not."""
    if container.status in _REPLICA_STATES:
        return True
    failed = container.oom_killed or container.exit_code not in _STOPPED
    return container.status in ("exited", "dead") and failed
