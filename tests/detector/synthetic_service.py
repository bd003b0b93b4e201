"""A double of a service under observation, for unit tests of the judgement only: made-up samples.

Time is made up as well: a second passes when `Observation.pass_time` says so.
"""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from detector.engine import Engine, EngineConfig
from detector.incident import Incident
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

SPAN, LOG = Origin.SPAN, Origin.LOG
START = 1_700_000_000.0
TRACE = "0af7651916cd43dd8448eb211c80319c"

Behaviour = Callable[[float, np.random.Generator], float | None]
"""Value of a series at a time since start (seconds); None: no sample."""


class RecordingTracer:
    """Remembers the incidents it was shown."""

    def __init__(self) -> None:
        self.recorded: list[Incident] = []

    def record(self, incident: Incident) -> str:
        self.recorded.append(incident)
        return f"00-{TRACE}-b7ad6b7169203331-01"


def series(
    name: str, stat: Stat, unit: str, behave: Behaviour, origin: Origin = Origin.METRIC, **attributes: str
) -> tuple[tuple[str, Stat, str, Origin, tuple[tuple[str, str], ...]], Behaviour]:
    """One row of a service's description; `_` in an attribute's name stands for a dot."""
    named = tuple(sorted((k.replace("__", "."), v) for k, v in attributes.items()))
    return (name, stat, unit, origin, named), behave


def steady(value: float, noise: float = 0.0) -> Behaviour:
    return lambda _, rng: max(0.0, value + noise * float(rng.standard_normal())) if noise else value


def between(low: float, high: float) -> Behaviour:
    return lambda _, rng: float(rng.uniform(low, high))


def heavy_tailed(
    median: float, outliers: float = 0.005, size: float = 10.0, spread: float = 0.3
) -> Behaviour:
    def behave(_: float, rng: np.random.Generator) -> float:
        value = median * math.exp(spread * float(rng.standard_normal()))
        return value * size if rng.random() < outliers else value

    return behave


def sawtooth(low: float, high: float, period: float, noise: float = 0.005) -> Behaviour:
    return lambda t, rng: low + (high - low) * (t % period) / period + noise * float(rng.standard_normal())


def bursty(usual: float, shape: float = 3.0) -> Behaviour:
    return lambda _, rng: float(rng.poisson(usual * rng.gamma(shape, 1.0 / shape)))


def rarely(chance: float, value: float, otherwise: float = 0.0) -> Behaviour:
    return lambda _, rng: value if rng.random() < chance else otherwise


def typical_python_service() -> dict[str, tuple]:
    """A web service with a pool, a dependency and a disk budget, by the semantic conventions."""
    return {
        "cpu": series("process.cpu.utilization", Stat.VALUE, "1", between(0.03, 0.35)),
        "memory": series("process.memory.usage", Stat.SHARE, "1", sawtooth(0.28, 0.45, 47)),
        "memory_bytes": series("process.memory.usage", Stat.VALUE, "By", sawtooth(1.5e8, 2.4e8, 47, 1e6)),
        "disk": series("system.filesystem.usage", Stat.SHARE, "1", steady(0.1, 0.002)),
        "pool": series("db.client.connection.count", Stat.SHARE, "1", between(0.0, 0.45)),
        "pending": series("db.client.connection.pending_requests", Stat.VALUE, "", rarely(0.01, 1.0)),
        "timeouts": series("db.client.connection.timeouts", Stat.RATE, "", steady(0.0)),
        "client": series("span.client", Stat.MEAN, "s", heavy_tailed(0.005), SPAN),
        "client_p95": series("span.client", Stat.P95, "s", heavy_tailed(0.012), SPAN),
        "db": series("span.db", Stat.MEAN, "s", heavy_tailed(0.002), SPAN),
        "server": series("span.server", Stat.MEAN, "s", heavy_tailed(0.04), SPAN),
        "server_p95": series("span.server", Stat.P95, "s", heavy_tailed(0.09), SPAN),
        "errors": series("span.server", Stat.ERROR_RATIO, "1", rarely(0.01, 0.08), SPAN),
        "traffic": series("span.server", Stat.COUNT_RATE, "s", bursty(20.0), SPAN),
        "duration": series("http.server.request.duration", Stat.MEAN, "s", heavy_tailed(0.04)),
        "duration_p95": series("http.server.request.duration", Stat.P95, "s", heavy_tailed(0.2)),
        "error_logs": series("log.records", Stat.COUNT_RATE, "", rarely(0.01, 1.0), LOG, severity="error"),
        "info_logs": series("log.records", Stat.COUNT_RATE, "", bursty(20.0), LOG, severity="info"),
    }  # fmt: skip


@dataclass
class SyntheticService:
    """A service of made-up series; change `override` to break it, `down` to silence it."""

    registry: SeriesRegistry
    description: dict[str, tuple] = field(default_factory=typical_python_service)
    name: str = "shop"
    seed: int = 1
    replicas: int = 1
    instance: str = ""
    override: dict[str, Behaviour] = field(default_factory=dict)
    down: bool = False
    pid: int = 100
    version: str = "1.0"
    began: float = START - 1000.0
    logs: list[tuple[int, str, bool]] = field(
        default_factory=list
    )  # severity, body, new: sent with the next batch
    failed_spans: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.id = ServiceId("", self.name)

    def restart(self, now: float) -> None:
        """Another process takes over."""
        self.pid += 1
        self.began = now

    def batch(self, now: float) -> list[Normalised]:
        """What the replicas send at `now`, one batch each; nothing while the service is down."""
        if self.down:
            return []
        return [self._of_replica(replica, now) for replica in range(self.replicas)]

    def _of_replica(self, replica: int, now: float) -> Normalised:
        instance = InstanceId(self.id, self.instance or f"{self.name}-{replica}")
        rows = []
        for label, ((name, stat, unit, origin, attributes), behave) in self.description.items():
            value = self.override.get(label, behave)(now - START, self.rng)
            if value is not None:
                key = SeriesKey(self.id, name, stat, unit, origin, attributes)
                rows.append((self.registry.series_slot(key), value))
        slot = self.registry.instance_slot(instance)
        samples = Samples(
            np.array([slot for slot, _ in rows], dtype=np.int64),
            np.full(len(rows), slot, dtype=np.int64),
            np.full(len(rows), now),
            np.array([value for _, value in rows]),
        )
        logs = [
            LogNotice(self.id, instance, now, severity, body, body, new, TRACE)
            for severity, body, new in (self.logs if replica == 0 else [])
        ]
        spans = [
            SpanNotice(self.id, instance, now, "GET /", 2, 0.1, True, TRACE, "")
            for _ in range(self.failed_spans)
        ]
        if replica == 0:
            self.logs = []
        heartbeat = Heartbeat(instance, now, self.began, self.version, self.pid + 1000 * replica)
        return Normalised(samples, [heartbeat], logs, spans)


@dataclass
class Observation:
    """An engine that watches made-up services, and what it reported so far, with the times."""

    config: EngineConfig = field(default_factory=EngineConfig)
    interval: float = 1.0

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.registry = SeriesRegistry()
        self.tracer = RecordingTracer()
        self.engine = Engine(self.registry, self.config, self.tracer, lambda: f"INC-{next(numbers)}")
        self.now = START
        self.reports: list[tuple[float, Incident]] = []
        self.services: list[SyntheticService] = []

    def service(self, **settings: object) -> SyntheticService:
        made = SyntheticService(self.registry, **settings)  # type: ignore[arg-type]  # a test's own keywords
        self.services.append(made)
        return made

    def pass_time(self, seconds: float, each: Callable[[float], None] | None = None) -> None:
        """Let made-up time pass: an export of every service each interval, four ticks a second."""
        for _ in range(round(seconds / self.interval)):
            if each is not None:
                each(self.now - START)
            for service in self.services:
                for batch in service.batch(self.now):
                    self.engine.ingest(batch, self.now + 0.05)
            for _ in range(max(1, round(4 * self.interval))):
                self.now += 0.25 if self.interval >= 0.25 else self.interval
                self.reports += [(self.now, incident) for incident in self.engine.tick(self.now)]

    @property
    def opened(self) -> list[tuple[float, Incident]]:
        """First report of each incident."""
        return [(at, incident) for at, incident in self.reports if incident.revision == 1]

    @property
    def latest(self) -> list[Incident]:
        """Every incident as it stands, oldest first."""
        return list(reversed(self.engine.incidents()))


def without_times(incidents: Iterable[Incident]) -> list[Incident]:
    """For comparing two runs."""
    return [replace(incident, updated_at=0.0) for incident in incidents]
