"""Which replicas run: each leaves a file with its process id, so that others can find (and limit) it."""

import json
import os
from dataclasses import asdict, dataclass

import psutil

from buggy_app.state_directory import StateDirectory, read_bytes, remove, write_json

CLOCK_ADJUSTMENT_S = 5.0


@dataclass(frozen=True, slots=True)
class Replica:
    """A running replica. `started_at`: seconds since the epoch; `created`: as the kernel says."""

    pid: int
    started_at: float
    created: float


class ReplicaRegistry:
    """The replicas that registered and are still alive."""

    def __init__(self, state: StateDirectory) -> None:
        self._directory = state.replicas

    def register(self, started_at: float) -> None:
        """Enter the calling process."""
        pid = os.getpid()
        replica = Replica(pid, started_at, psutil.Process(pid).create_time())
        write_json(self._directory / f"{pid}.json", asdict(replica))

    def unregister(self) -> None:
        """Remove the calling process."""
        remove(self._directory / f"{os.getpid()}.json")

    def alive(self) -> list[Replica]:
        """All registered replicas that still run; files left behind by dead ones are removed."""
        found = []
        for path in sorted(self._directory.glob("[0-9]*.json")):
            content = read_bytes(path)
            if content is None:
                continue
            try:
                replica = Replica(**json.loads(content))
                same = runs(replica)
            except (ValueError, TypeError):
                same = False
            if same:
                found.append(replica)
            else:
                remove(path)
        return found


def runs(replica: Replica) -> bool:
    """Does this very process still run, and not another one that was given its id?

    Creation times are compared loosely: the kernel's idea of the boot time moves with the clock.
    """
    try:
        return abs(psutil.Process(replica.pid).create_time() - replica.created) < CLOCK_ADJUSTMENT_S
    except psutil.NoSuchProcess:
        return False
