"""What normalise hands to score: series, and batches of samples on them.

A series belongs to a service, not to one of its instances, so that its baseline outlives restarts
and replicas share it; each sample says which instance it came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detector.incident import PeerKind


class Stat(StrEnum):
    """How a series was made from the telemetry it stands for."""

    VALUE = "value"  # a gauge or non-monotonic sum, as it is
    RATE = "rate"  # a monotonic sum, or that of what a histogram observed, per second
    SHARE = "share"  # usage over its limit, 0 to 1
    MEAN = "mean"  # a histogram's or a window of spans' mean
    P95 = "p95"  # a histogram's or a window of spans' 95th percentile, estimated
    COUNT_RATE = "count_rate"  # a histogram's, a span's or a log's occurrences per second
    ERROR_RATIO = "error_ratio"  # failed over all, 0 to 1, in a window of spans


class Origin(StrEnum):
    """Which OTLP signal a series was read from."""

    METRIC = "metric"
    SPAN = "span"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class ServiceId:
    """A service as named by its resource: `service.namespace` (may be empty) and `service.name`."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Identity of a series. `attributes` are sorted; `unit` is UCUM as the sender named it."""

    service: ServiceId
    name: str
    stat: Stat
    unit: str
    origin: Origin
    attributes: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        inner = ",".join(f"{k}={v}" for k, v in self.attributes)
        return f"{self.name}{{{inner}}}:{self.stat}" if inner else f"{self.name}:{self.stat}"


@dataclass(frozen=True, slots=True)
class InstanceId:
    """One running copy of a service (`service.instance.id`, or the best stand-in its resource has)."""

    service: ServiceId
    name: str


@dataclass(slots=True)
class Samples:
    """A batch of samples in columns of equal length n, each row one sample.

    `series` int64[n]: slots of the `SeriesRegistry`; `instances` int64[n]: slots of its instances;
    `times` float64[n]: seconds since the epoch, by the sender's clock; `values` float64[n], all finite.
    The receiver of a batch owns its arrays.
    """

    series: NDArray[np.int64]
    instances: NDArray[np.int64]
    times: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class LogNotice:
    """A log record worth keeping: evidence from severity ERROR on, context for a search from WARN on.

    `template` is the mined pattern, `new` whether it was seen for the first time (never so of warnings,
    which are not mined); `severity` is the OTLP severity number (13 and up is WARN, 17 and up is ERROR, 21
    and up is FATAL). `body` is untrusted, cut to a bound.
    """

    service: ServiceId
    instance: InstanceId
    time: float
    severity: int
    body: str
    template: str
    new: bool
    trace_id: str


@dataclass(frozen=True, slots=True)
class SpanNotice:
    """A span worth keeping as an example: failed, or among the slowest of its window."""

    service: ServiceId
    instance: InstanceId
    time: float
    name: str
    kind: int
    duration_s: float
    error: bool
    trace_id: str
    peer: str


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one service in a closed window, to `peer` as the caller names it (empty: it does not).

    `callee` is the service whose spans have the caller's as parents; None: all calls to `peer`, as the
    caller counts them, also those that reached nobody. `failed` of them did.
    """

    caller: ServiceId
    peer: str
    kind: PeerKind
    callee: ServiceId | None
    count: int
    failed: int


Release = tuple[tuple[str, str], ...]
"""Resource attributes that tell one release of a service from another, and their values."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """An instance was heard from. `started_at`: its process or counters' start time, where it says so.

    `version`: its `service.version`, empty when unknown; `pid`: its `process.pid`, where it says so;
    `release`: which release it is by other attributes than its version.
    """

    instance: InstanceId
    time: float
    started_at: float | None = None
    version: str = ""
    pid: int | None = None
    release: Release = ()


@dataclass(slots=True)
class Normalised:
    """All that one request (or one closed window) of telemetry came to."""

    samples: Samples
    heartbeats: Sequence[Heartbeat] = ()
    logs: Sequence[LogNotice] = ()
    spans: Sequence[SpanNotice] = ()
    calls: Sequence[Calls] = ()


@dataclass(slots=True)
class SeriesRegistry:
    """Gives every series and every instance a small number (its slot), for as long as it lives.

    Bounded: past `max_series` (or `max_instances`) `series_slot` answers None and counts the refusal;
    the caller drops that sample. Not thread-safe: one thread owns it.
    """

    max_series: int = 1_000_000
    max_instances: int = 100_000
    refused: int = 0
    keys: list[SeriesKey] = field(default_factory=list)
    instances: list[InstanceId] = field(default_factory=list)
    _series: dict[SeriesKey, int] = field(default_factory=dict)
    _instances: dict[InstanceId, int] = field(default_factory=dict)

    def series_slot(self, key: SeriesKey) -> int | None:
        """The slot of a series, a new one on first sight; None when the registry is full."""
        slot = self._series.get(key)
        if slot is None:
            if len(self.keys) >= self.max_series:
                self.refused += 1
                return None
            slot = self._series[key] = len(self.keys)
            self.keys.append(key)
        return slot

    def instance_slot(self, instance: InstanceId) -> int | None:
        """The slot of an instance, a new one on first sight; None when the registry is full."""
        slot = self._instances.get(instance)
        if slot is None:
            if len(self.instances) >= self.max_instances:
                self.refused += 1
                return None
            slot = self._instances[instance] = len(self.instances)
            self.instances.append(instance)
        return slot
