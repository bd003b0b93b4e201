"""A made-up service whose telemetry goes through the detector's own engine, series by series.

Names, units and attributes are those of the OpenTelemetry semantic conventions; which of them a service has,
how high they usually are and how much they vary is drawn anew for each service.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from detector.series import (
    Heartbeat,
    InstanceId,
    LogNotice,
    Normalised,
    Origin,
    Samples,
    SeriesKey,
    SeriesRegistry,
    ServiceId,
    SpanNotice,
    Stat,
)

Level = Callable[[float], float]
"""Value at a time (seconds since the fault began), before noise."""

NAMES = (
    "shop", "ledger", "search", "gateway", "billing", "mailer", "catalog", "auth", "reports", "stock",
    "pricing", "feeds", "media", "ingest", "quotes", "routes", "profile", "orders", "claims", "booking",
)  # fmt: skip
ERROR_FATAL = 21
ERROR = 17


@dataclass(slots=True)
class Series:
    """One series: its key, usual level, and relative noise (log-normal for latencies, else normal)."""

    key: SeriesKey
    level: float
    noise: float
    latency: bool = False


@dataclass
class SyntheticService:
    """Its series by role (`cpu`, `memory`, `pool`, `client0` …); a fault puts another level on some."""

    id: ServiceId
    registry: SeriesRegistry
    rng: np.random.Generator
    replicas: int
    series: dict[str, list[Series]]
    changed: dict[str, Level] = field(default_factory=dict)
    changed_since: float = 0.0
    down: bool = False
    began: float = 0.0
    pid: int = 100
    version: str = "1.0.0"
    logs: list[tuple[int, str]] = field(default_factory=list)

    @property
    def peers(self) -> list[str]:
        """Roles of the peers it calls."""
        return [role for role in self.series if role.startswith("client")]

    def restart(self, now: float) -> None:
        """Another process takes over."""
        self.pid += 1
        self.began = now

    def batches(self, now: float) -> list[Normalised]:
        """What the replicas export at `now`."""
        return [] if self.down else [self._export(replica, now) for replica in range(self.replicas)]

    def _export(self, replica: int, now: float) -> Normalised:
        instance = InstanceId(self.id, f"{self.id.name}-{replica}")
        rows: list[tuple[int, float]] = []
        for role, several in self.series.items():
            for one in several:
                slot = self.registry.series_slot(one.key)
                if slot is not None:
                    rows.append((slot, self._value(role, one, now)))
        number = self.registry.instance_slot(instance)
        samples = Samples(
            np.array([slot for slot, _ in rows], dtype=np.int64),
            np.full(len(rows), number, dtype=np.int64),
            np.full(len(rows), now),
            np.array([value for _, value in rows]),
        )
        lines = self.logs if replica == 0 else []
        logs = [LogNotice(self.id, instance, now, level, line, line, True, "") for level, line in lines]
        spans: list[SpanNotice] = []
        if replica == 0:
            self.logs = []
        beat = Heartbeat(instance, now, self.began, self.version, self.pid + 1000 * replica)
        return Normalised(samples, [beat], logs, spans)

    def _value(self, role: str, one: Series, now: float) -> float:
        change = self.changed.get(role)
        drawn = float(self.rng.standard_normal())
        factor = math.exp(one.noise * drawn) if one.latency else 1.0 + one.noise * drawn
        if change is None:
            return max(0.0, one.level * factor)
        level = change(now - self.changed_since)
        if one.key.stat in (Stat.SHARE, Stat.ERROR_RATIO) or role in ("cpu", "disk"):
            return min(1.0, max(0.0, level * (1.0 + 0.03 * drawn)))
        return max(0.0, level * one.level * factor)


def draw_service(rng: np.random.Generator, registry: SeriesRegistry, number: int) -> SyntheticService:
    """A service nobody has seen: some of the usual series, in one of the usual spellings."""
    service = ServiceId("", f"{NAMES[number % len(NAMES)]}-{number}")
    draw = _Draw(rng, service)
    draw.add("cpu", "cpu", rng.uniform(0.05, 0.3), 0.25)
    draw.add("memory", "memory", rng.uniform(0.2, 0.45), 0.02)
    draw.add("disk", "disk", rng.uniform(0.1, 0.4), 0.002, likely=0.8)
    draw.add("pool", "pool", rng.uniform(0.05, 0.3), 0.3, likely=0.8)
    draw.latency("server", "server", rng.uniform(0.01, 0.1))
    for peer in range(int(rng.integers(1, 4))):
        address = f"10.{number % 250}.0.{peer + 4}"
        draw.latency(f"client{peer}", "client", rng.uniform(0.005, 0.05), peer=address)
    draw.latency("db", "db", rng.uniform(0.001, 0.01), likely=0.6)
    draw.add("errors", "errors", 0.001, 1.0)
    draw.add("traffic", "traffic", rng.uniform(10, 80), 0.15)
    draw.add("error_logs", "error_logs", 0.02, 1.0, likely=0.8)
    return SyntheticService(service, registry, rng, int(rng.integers(1, 4)), draw.series)


_SPELLINGS: dict[str, tuple[tuple[str, Stat, str, Origin], ...]] = {
    "cpu": (
        ("process.cpu.utilization", Stat.VALUE, "1", Origin.METRIC),
        ("jvm.cpu.recent_utilization", Stat.VALUE, "1", Origin.METRIC),
    ),
    "memory": (
        ("process.memory.usage", Stat.SHARE, "1", Origin.METRIC),
        ("container.memory.usage", Stat.SHARE, "1", Origin.METRIC),
    ),
    "disk": (
        ("system.filesystem.usage", Stat.SHARE, "1", Origin.METRIC),
        ("system.filesystem.utilization", Stat.VALUE, "1", Origin.METRIC),
    ),
    "pool": (("db.client.connection.count", Stat.SHARE, "1", Origin.METRIC),),
    "server": (
        ("span.server", Stat.P95, "s", Origin.SPAN),
        ("http.server.request.duration", Stat.P95, "s", Origin.METRIC),
    ),
    "client": (
        ("span.client", Stat.P95, "s", Origin.SPAN),
        ("http.client.request.duration", Stat.P95, "s", Origin.METRIC),
    ),
    "db": (
        ("span.db", Stat.P95, "s", Origin.SPAN),
        ("db.client.operation.duration", Stat.P95, "s", Origin.METRIC),
    ),
    "errors": (("span.server", Stat.ERROR_RATIO, "1", Origin.SPAN),),
    "traffic": (
        ("span.server", Stat.COUNT_RATE, "s", Origin.SPAN),
        ("http.server.request.duration", Stat.COUNT_RATE, "s", Origin.METRIC),
    ),
    "error_logs": (("log.records", Stat.COUNT_RATE, "{record}", Origin.LOG),),
}


class _Draw:
    """Collects the series of one service."""

    def __init__(self, rng: np.random.Generator, service: ServiceId) -> None:
        self._rng = rng
        self._service = service
        self.series: dict[str, list[Series]] = {}

    def add(
        self,
        role: str,
        kind: str,
        level: float,
        noise: float,
        *,
        likely: float = 1.0,
        latency: bool = False,
        peer: str = "",
    ) -> None:
        if self._rng.random() >= likely:
            return
        choices = _SPELLINGS[kind]
        name, stat, unit, origin = choices[int(self._rng.integers(len(choices)))]
        attributes: dict[str, str] = {}
        if peer:
            attributes["server.address"] = peer
        if kind == "error_logs":
            attributes["severity"] = "error"
        if kind == "pool":
            attributes["state"] = "used"
        key = SeriesKey(self._service, name, stat, unit, origin, tuple(sorted(attributes.items())))
        self.series.setdefault(role, []).append(Series(key, level, noise, latency))

    def latency(self, role: str, kind: str, level: float, likely: float = 1.0, peer: str = "") -> None:
        noise = float(self._rng.uniform(0.1, 0.35))
        self.add(role, kind, level, noise, likely=likely, latency=True, peer=peer)
