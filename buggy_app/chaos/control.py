"""Injects, clears and reports the faults. Works whether the app runs or not."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from buggy_app.active_endpoint import ActiveEndpoint, Endpoint
from buggy_app.chaos.order import SURGE, VARIANTS, Fault, Order, OrderBook, ramp_s
from buggy_app.replica_registry import ReplicaRegistry
from buggy_app.settings import Settings, load_settings
from buggy_app.startup_configuration import ConfigurationStore
from buggy_app.state_directory import StateDirectory
from buggy_app.work_directory import WorkDirectory

FAULTS: tuple[str, ...] = tuple(Fault)
SECONDS_TO_FULL_DISK = 3.0
NEXT_RELEASE = "1.1.0"


class ChaosError(ValueError):
    """What was asked for cannot be done; the message says what can."""


@dataclass(frozen=True, slots=True)
class FaultStatus:
    """A fault now. `active`: the malfunction is in place; the rest is from its order, if there is one."""

    fault: str
    active: bool
    since: float | None = None
    strength: float | None = None
    variant: str | None = None


class Chaos:
    """The one who breaks things, through the state directory of `settings`."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        state = StateDirectory(settings.state_dir)
        state.prepare()
        self._clock = clock
        self._new_id = new_id
        self._state = state
        self._orders = OrderBook(state)
        self._replicas = ReplicaRegistry(state)
        self._endpoint = ActiveEndpoint(state, settings)
        self._configurations = ConfigurationStore(state)
        self._work = WorkDirectory(state, settings.disk_budget_bytes)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Chaos for the app that these `BUGGY_APP_*` variables describe. Raises `SettingsError`."""
        return cls(load_settings(environ))

    def inject(self, fault: str, strength: float = 1.0, variant: str | None = None) -> Order:
        """Cause a fault. Again: replaces the order before. Raises `ChaosError`."""
        name = parse_fault(fault)
        if not 0 < strength <= 1:
            raise ChaosError(f"strength must be above 0 and at most 1, not {strength:g}")
        chosen = variant or VARIANTS[name][0]
        if chosen not in VARIANTS[name]:
            raise ChaosError(f"{name} has no variant {chosen!r}; it has: {', '.join(VARIANTS[name])}")
        order = Order(id=self._new_id(), fault=name, at=self._clock(), strength=strength, variant=chosen)
        if name is Fault.DISK_SPACE:
            self._work.start_dumping(self._work.budget / SECONDS_TO_FULL_DISK * strength)
        if name is Fault.POD_CRASH_LOOP:
            self._configurations.deploy(bad_configuration(strength))
        self._orders.put(order)
        return order

    def clear(self, fault: str) -> None:
        """Undo a fault as far as it is chaos' to undo. Safe to repeat. Raises `ChaosError`."""
        name = parse_fault(fault)
        self._orders.remove(name)
        if name is Fault.NETWORK_LATENCY:
            self._endpoint.set(Endpoint.PRIMARY)
        if name is Fault.DISK_SPACE:
            self._work.clean_up()
        if name is Fault.POD_CRASH_LOOP and not self._configurations.is_valid():
            self._configurations.roll_back()

    def clear_all(self) -> None:
        """Undo all faults."""
        for fault in Fault:
            self.clear(fault)

    def status(self) -> tuple[FaultStatus, ...]:
        """All faults as they are now."""
        return tuple(self._status(fault) for fault in Fault)

    def _status(self, fault: Fault) -> FaultStatus:
        order = self._orders.get(fault)
        if fault is Fault.DISK_SPACE:
            active = self._work.dump_order() is not None or self._work.has_dumps()
        elif fault is Fault.POD_CRASH_LOOP:
            active = not self._configurations.is_valid()
        else:
            active = order is not None and self._in_place(order)
        if order is None or not active:
            return FaultStatus(fault, active)
        return FaultStatus(fault, active, order.at, order.strength, order.variant)

    def _in_place(self, order: Order) -> bool:
        """Faults that live in processes end with the processes that ran when they were ordered."""
        if order.fault is Fault.NETWORK_LATENCY or order.variant == SURGE:
            return True
        if order.fault is Fault.DB_CONNECTION_POOL and self._recycled_since(order.at):
            return False
        return any(replica.started_at < order.at for replica in self._replicas.alive())

    def _recycled_since(self, time_: float) -> bool:
        try:
            return self._state.pool_epoch.stat().st_mtime > time_
        except FileNotFoundError:
            return False


def parse_fault(name: str) -> Fault:
    """The fault of that name; raises `ChaosError` that lists the known ones."""
    try:
        return Fault(name)
    except ValueError:
        raise ChaosError(f"unknown fault {name!r}; known faults: {', '.join(FAULTS)}") from None


def bad_configuration(strength: float) -> bytes:
    """A deploy gone wrong: the next release, with a pool that cannot be, at the pace of `strength`."""
    return (
        f'{{"release": "{NEXT_RELEASE}", "pool_size": -5, "pool_timeout_s": "one second",'
        f' "rollout_s": {ramp_s(strength):.1f}}}\n'
    ).encode()
