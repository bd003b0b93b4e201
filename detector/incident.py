"""The types the detector publishes: an incident, its evidence, and the answers of the query interface.

Plain frozen dataclasses. At an edge (HTTP, storage) they are read and written with
`pydantic.TypeAdapter`, which validates them. All times are seconds since the Unix epoch
(float, UTC); all values are in the unit named beside them (UCUM, as in OpenTelemetry).
"""

from dataclasses import dataclass
from enum import StrEnum


class IncidentType(StrEnum):
    """What kind of fault the evidence speaks of. `UNKNOWN`: a fault none of the signatures explains."""

    MEMORY_OOM = "memory_oom"
    NETWORK_LATENCY = "network_latency"
    CPU_SPIKE = "cpu_spike"
    DB_CONNECTION_POOL = "db_connection_pool"
    DISK_SPACE = "disk_space"
    POD_CRASH_LOOP = "pod_crash_loop"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How urgent: `CRITICAL` is users failing now, `HIGH` users suffering or failing soon."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class IncidentState(StrEnum):
    """`OPEN` until every raising series has been normal again for the closing time."""

    OPEN = "open"
    CLOSED = "closed"


class EvidenceKind(StrEnum):
    """Which signal of the telemetry the evidence was read from."""

    METRIC = "metric"
    LOG = "log"
    SPAN = "span"
    LIFECYCLE = "lifecycle"  # silence, restarts: read from the coming and going of telemetry itself


class AnomalyReason(StrEnum):
    """Why a series counts as anomalous."""

    ABOVE_NORMAL = "above_normal"
    BELOW_NORMAL = "below_normal"
    LIMIT_REACHED = "limit_reached"
    LIMIT_FORECAST = "limit_forecast"
    ERROR_RATE = "error_rate"
    NEW_ERROR_LOG = "new_error_log"
    FATAL_LOG = "fatal_log"
    SILENT = "silent"
    RESTARTED = "restarted"
    UNUSUAL_COMBINATION = "unusual_combination"


class PeerKind(StrEnum):
    """What a service calls: another service, a database, a queue or topic."""

    SERVICE = "service"
    DATABASE = "database"
    QUEUE = "queue"


class LogSeverity(StrEnum):
    """Severities of log records that are kept, the least first."""

    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation that speaks for the incident. Diagnosis cites it by `id`.

    `before` is the usual value (the baseline's mean), `now` the most telling value seen, `low` and
    `high` the normal range at that time; None where the evidence has no number. `score` is the
    probability, 0 to 1, that the observation is not normal; `weight` its share (0 to 1) in the alarm.
    `log_lines` and `trace_ids` (32 hex digits) are examples, untrusted text as the service sent it.
    """

    id: str
    kind: EvidenceKind
    signal: str
    reason: AnomalyReason
    service: str
    series: str
    description: str
    unit: str
    before: float | None
    now: float | None
    low: float | None
    high: float | None
    score: float
    weight: float
    first_seen: float
    last_seen: float
    instance: str | None = None
    log_lines: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a resource that runs towards its limit will reach it, by the trend of the last minutes."""

    series: str
    unit: str
    value: float
    limit: float
    seconds_to_limit: float
    exhausted_at: float


@dataclass(frozen=True, slots=True)
class TypeCandidate:
    """An incident type and the share of belief (0 to 1) the evidence gives it."""

    type: IncidentType
    confidence: float


@dataclass(frozen=True, slots=True)
class Incident:
    """One fault on one service, from the first anomalous observation until it is over.

    The same `id` is reported again with a higher `revision` whenever evidence, type or state change.
    `traceparent` is the W3C context of the detector's `detect` span, the root of the incident's trace.
    `previous_id` names the incident before it when the same fault came back.
    """

    id: str
    revision: int
    service: str
    namespace: str
    type: IncidentType
    confidence: float
    severity: Severity
    state: IncidentState
    started_at: float
    opened_at: float
    updated_at: float
    closed_at: float | None
    summary: str
    evidence: tuple[Evidence, ...]
    candidates: tuple[TypeCandidate, ...]
    traceparent: str
    instances: tuple[str, ...] = ()
    forecast: Forecast | None = None
    previous_id: str | None = None

    @property
    def trace_id(self) -> str:
        """The 32 hex digits of the incident's trace."""
        return self.traceparent.split("-")[1]


@dataclass(frozen=True, slots=True)
class SeriesHealth:
    """Is one series in its normal range now?

    `value`: that of the worst instance, None where none sends the series any more. `age_s`: seconds since
    that sample, or the last one there was (None: never seen).
    """

    series: str
    signal: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    normal: bool
    age_s: float | None
    reason: AnomalyReason | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """Answer to "is this incident over?", read from telemetry.

    `reporting`: the service sends telemetry now. `normal`: it reports, and every raising series is in
    its normal range. `normal_for_s`: for how long that has been so without a break (0 when it is not).
    `worse`: other series of the service that left their normal range after the incident opened.
    """

    incident_id: str
    state: IncidentState
    reporting: bool
    normal: bool
    normal_for_s: float
    series: tuple[SeriesHealth, ...]
    worse: tuple[SeriesHealth, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalHealth:
    """One golden signal of a service: its worst series now.

    `share`: use of the limit, or calls that fail of all (0 to 1), if known. `score`: the probability that
    `value` is not normal; None while the baseline learns. `seconds_to_limit`: where it runs towards it.
    """

    signal: str
    unit: str
    value: float
    low: float | None
    high: float | None
    normal: bool
    share: float | None = None
    score: float | None = None
    seconds_to_limit: float | None = None


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """A service as the detector sees it. `warm`: its baselines have learned enough to judge."""

    service: str
    namespace: str
    instances: tuple[str, ...]
    reporting: bool
    warm: bool
    last_seen: float
    series_count: int
    open_incident: str | None
    signals: tuple[SignalHealth, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One other side of a service's calls, over the last minute.

    `name`: its `service.name`; or, where it sends no telemetry of its own (`known` is False), what its
    caller calls it: an address, a database, a destination (`namespace`, `reporting` and `open_incident`
    say nothing then). `failed`: calls that failed, as either side saw it. `last_call`: when calls were
    heard of last. Names are untrusted text.
    """

    name: str
    namespace: str
    kind: PeerKind
    known: bool
    calls: int
    failed: int
    last_call: float
    reporting: bool = False
    open_incident: str | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who calls a service, and whom it calls; those in an incident first, then the busiest."""

    service: str
    namespace: str
    callers: tuple[Neighbour, ...]
    callees: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Deploy:
    """Another release began to run, as resource attributes show it.

    `attribute` is the one that changed, by its name in the semantic conventions; `before` and `after` are
    its values: untrusted text, cut and masked. `at`: when `after` was first heard.
    """

    attribute: str
    before: str
    after: str
    at: float


@dataclass(frozen=True, slots=True)
class LogLine:
    """Log records of one template and severity: how many, and the newest of them.

    `line` and `template` are untrusted text, bounded, with secrets masked. `trace_id`: of the newest that
    has one, else empty.
    """

    severity: LogSeverity
    template: str
    line: str
    count: int
    first_seen: float
    last_seen: float
    trace_id: str = ""
