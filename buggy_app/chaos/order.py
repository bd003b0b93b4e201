"""Orders for faults: one file per fault in the state directory, so that they reach all processes."""

import math
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from buggy_app.state_directory import StateDirectory, read_bytes, remove, replace_file

FULL_EFFECT_AT_HALF_STRENGTH_S = 14.0


class Fault(StrEnum):
    """The faults, in the order in which they are shown."""

    MEMORY_OOM = "memory_oom"
    NETWORK_LATENCY = "network_latency"
    CPU_SPIKE = "cpu_spike"
    DB_CONNECTION_POOL = "db_connection_pool"
    DISK_SPACE = "disk_space"
    POD_CRASH_LOOP = "pod_crash_loop"


BURN = "burn"
SURGE = "surge"

VARIANTS: dict[Fault, tuple[str, ...]] = {
    Fault.MEMORY_OOM: ("leak",),
    Fault.NETWORK_LATENCY: ("slow_primary",),
    Fault.CPU_SPIKE: (BURN, SURGE),
    Fault.DB_CONNECTION_POOL: ("leak",),
    Fault.DISK_SPACE: ("debug_dump",),
    Fault.POD_CRASH_LOOP: ("bad_configuration",),
}
"""The variants of each fault, the default first."""


class Order(BaseModel):
    """One injected fault. `at`: seconds since the epoch."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(max_length=64)
    fault: Fault
    at: float
    strength: float = Field(gt=0, le=1)
    variant: str = Field(max_length=32)

    def level(self, now: float) -> float:
        """How much of its full effect, 0 to 1, a fault that sets in gradually has at time `now`.

        At strength 1 all of it at once; at 0.5 after 14 s, at 0.1 after two minutes, linearly.
        """
        rise = ramp_s(self.strength)
        if rise <= 0:
            return 1.0
        return min(1.0, max(0.0, (now - self.at) / rise))


def ramp_s(strength: float) -> float:
    """Seconds until a gradual fault of this strength (0 to 1) has its full effect."""
    return FULL_EFFECT_AT_HALF_STRENGTH_S * (1 / strength - 1) if not math.isclose(strength, 1) else 0.0


class OrderBook:
    """The orders in the state directory. Reading one that has not changed costs one `stat`."""

    def __init__(self, state: StateDirectory) -> None:
        self._directory = state.chaos
        self._seen: dict[Fault, tuple[tuple[int, int], Order | None]] = {}

    def get(self, fault: Fault) -> Order | None:
        """The order for a fault, None when there is none (or it cannot be read)."""
        path = self._path(fault)
        try:
            status = path.stat()
        except FileNotFoundError:
            self._seen.pop(fault, None)
            return None
        version = (status.st_mtime_ns, status.st_ino)
        seen = self._seen.get(fault)
        if seen is None or seen[0] != version:
            seen = self._seen[fault] = (version, _read(path))
        return seen[1]

    def put(self, order: Order) -> None:
        """Make `order` the order for its fault."""
        replace_file(self._path(order.fault), order.model_dump_json(indent=2).encode())

    def remove(self, fault: Fault) -> bool:
        """Take the order for a fault back; False when there was none."""
        return remove(self._path(fault))

    def _path(self, fault: Fault) -> Path:
        return self._directory / f"{fault}.json"


def _read(path: Path) -> Order | None:
    content = read_bytes(path)
    if content is None:
        return None
    try:
        return Order.model_validate_json(content)
    except ValidationError:
        return None
