"""Incidents, evidence and cases for the tests of diagnosis, council and verification."""

from detector import (
    AnomalyReason,
    Evidence,
    EvidenceKind,
    Forecast,
    Incident,
    IncidentState,
    IncidentType,
    Severity,
    TypeCandidate,
)
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    Case,
    Experience,
    VerificationOutcome,
    WeighedOutcomes,
)

NOW = 1_700_000_000.0
ALL_ACTIONS = frozenset(ActionKind) - {ActionKind.NOOP}

_SERIES = {
    "memory": ("process.memory.usage:share", "1", 0.31, 0.78),
    "cpu": ("process.cpu.utilization:value", "1", 0.08, 0.97),
    "disk": ("system.filesystem.usage{system.filesystem.state=used}:share", "1", 0.35, 0.98),
    "db_pool": ("db.client.connection.count{state=used}:share", "1", 0.2, 1.0),
    "client_latency": (
        "http.client.request.duration{server.address=10.0.0.7,server.port=8011}:p95",
        "s",
        0.012,
        0.85,
    ),
    "server_latency": ("http.server.request.duration:p95", "s", 0.03, 0.9),
    "error_ratio": ("span.server:error_ratio", "1", 0.0, 0.6),
    "error_logs": ("log.records{severity=error}:count_rate", "{record}/s", 0.0, 4.0),
    "request_rate": ("span.server:count_rate", "{request}/s", 10.0, 60.0),
    "restarts": ("container.restarts:value", "{restart}", 0.0, 4.0),
    "queue": ("jobs.queue.length:value", "{job}", 3.0, 400.0),
    "db_latency": ("span.db:p95", "s", 0.01, 0.5),
    "network_errors": ("span.client:error_ratio", "1", 0.0, 0.7),
    "other": ("orders.total:rate", "1/s", 5.0, 50.0),
}


def evidence(
    signal: str,
    number: int = 1,
    *,
    score: float = 0.97,
    before: float | None = None,
    now: float | None = None,
    reason: AnomalyReason = AnomalyReason.ABOVE_NORMAL,
    kind: EvidenceKind = EvidenceKind.METRIC,
    service: str = "shop",
    series: str | None = None,
    logs: tuple[str, ...] = (),
    description: str = "",
    instance: str | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Evidence:
    """Evidence of one signal with the usual numbers of that signal."""
    default_series, unit, usual, seen = _SERIES.get(signal, (signal, "1", None, None))
    return Evidence(
        id=f"E{number}",
        kind=kind,
        signal=signal,
        reason=reason,
        service=service,
        series=series or default_series,
        description=description,
        unit=unit,
        before=usual if before is None else before,
        now=seen if now is None else now,
        low=low,
        high=high,
        score=score,
        weight=0.8,
        first_seen=NOW - 3,
        last_seen=NOW,
        instance=instance,
        log_lines=logs,
    )


def log_evidence(*lines: str, number: int = 8, fatal: bool = False) -> Evidence:
    """Error log lines as evidence; `fatal`: the last words of processes that died at their start."""
    return Evidence(
        id=f"E{number}",
        kind=EvidenceKind.LOG,
        signal="restarts" if fatal else "error_logs",
        reason=AnomalyReason.FATAL_LOG if fatal else AnomalyReason.NEW_ERROR_LOG,
        service="shop",
        series="log.records{severity=error}:count_rate",
        description="error logs",
        unit="{record}/s",
        before=None,
        now=None,
        low=None,
        high=None,
        score=0.95,
        weight=0.5,
        first_seen=NOW - 3,
        last_seen=NOW,
        log_lines=lines,
    )


def silence(number: int = 2, *, instance: str | None = None, description: str = "") -> Evidence:
    """The service stopped reporting."""
    return Evidence(
        id=f"E{number}",
        kind=EvidenceKind.LIFECYCLE,
        signal="silence",
        reason=AnomalyReason.SILENT,
        service="shop",
        series="silence",
        description=description,
        unit="s",
        before=None,
        now=None,
        low=None,
        high=None,
        score=0.98,
        weight=1.0,
        first_seen=NOW - 6,
        last_seen=NOW,
        instance=instance,
    )


def restarts(times: float = 4, number: int = 1, *, description: str = "") -> Evidence:
    """Its processes restarted."""
    return Evidence(
        id=f"E{number}",
        kind=EvidenceKind.LIFECYCLE,
        signal="restarts",
        reason=AnomalyReason.RESTARTED,
        service="shop",
        series="restarts",
        description=description,
        unit="{restart}",
        before=0.0,
        now=times,
        low=None,
        high=None,
        score=0.98,
        weight=1.0,
        first_seen=NOW - 6,
        last_seen=NOW,
    )


def incident(
    type_: IncidentType,
    *pieces: Evidence,
    confidence: float = 0.92,
    service: str = "shop",
    severity: Severity = Severity.HIGH,
    state: IncidentState = IncidentState.OPEN,
    others: tuple[TypeCandidate, ...] = (),
    forecast: Forecast | None = None,
    instances: tuple[str, ...] = ("shop-1",),
) -> Incident:
    """An open incident with this evidence."""
    return Incident(
        id="INC-1",
        revision=1,
        service=service,
        namespace="",
        type=type_,
        confidence=confidence,
        severity=severity,
        state=state,
        started_at=NOW - 5,
        opened_at=NOW - 2,
        updated_at=NOW,
        closed_at=NOW if state is IncidentState.CLOSED else None,
        summary="",
        evidence=pieces,
        candidates=(TypeCandidate(type_, confidence), *others),
        traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        instances=instances,
        forecast=forecast,
    )


def case(
    of: Incident,
    *,
    allowed: frozenset[ActionKind] = ALL_ACTIONS,
    tried: tuple[ActionRecord, ...] = (),
    recent: tuple[ActionRecord, ...] = (),
    experience: tuple[Experience, ...] = (),
) -> Case:
    """All that analyst and council may know."""
    return Case(incident=of, allowed=allowed, tried=tried, recent=recent, experience=experience)


def record(
    action: ActionKind,
    *,
    attempt: int = 1,
    started_at: float = NOW - 40,
    ended_at: float | None = NOW - 38,
    outcome: ActionOutcome = ActionOutcome.SUCCEEDED,
    verification: VerificationOutcome | None = VerificationOutcome.NOT_RECOVERED,
    target: str = "shop",
) -> ActionRecord:
    """An attempt that was carried out and did not help."""
    return ActionRecord(
        attempt=attempt,
        action=action,
        target=target,
        outcome=outcome,
        detail="",
        started_at=started_at,
        ended_at=ended_at,
        verification=verification,
    )


def seen(type_: IncidentType, *outcomes: tuple[ActionKind, int, int]) -> tuple[Experience, ...]:
    """What the runbook saw on this service: (action, successes, failures)."""
    return tuple(
        Experience(type_, action, here=WeighedOutcomes(helped, failed, helped, helped + failed))
        for action, helped, failed in outcomes
    )


SURGE = incident(IncidentType.CPU_SPIKE, evidence("cpu", 1, before=0.15), evidence("request_rate", 2))
BURN = incident(
    IncidentType.CPU_SPIKE, evidence("cpu", 1), evidence("request_rate", 2, before=10.0, now=10.4)
)
LEAK = incident(
    IncidentType.MEMORY_OOM,
    evidence("memory", 1, reason=AnomalyReason.LIMIT_FORECAST),
    forecast=Forecast("process.memory.usage:share", "1", 0.78, 1.0, 40.0, NOW + 40),
)
SLOW_PEER = incident(
    IncidentType.NETWORK_LATENCY, evidence("client_latency", 1), evidence("server_latency", 2)
)
POOL = incident(
    IncidentType.DB_CONNECTION_POOL,
    evidence("db_pool", 1),
    evidence("error_ratio", 2),
    log_evidence("sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 0 reached"),
)
DISK = incident(
    IncidentType.DISK_SPACE,
    evidence("disk", 1),
    evidence("error_ratio", 2),
    log_evidence("OSError: [Errno 28] No space left on device: '/data/orders'"),
)
BAD_CONFIGURATION = incident(
    IncidentType.POD_CRASH_LOOP,
    restarts(),
    silence(),
    log_evidence("startup failed: invalid configuration: cache_size must be a number", fatal=True),
)
CRASH_LOOP = incident(IncidentType.POD_CRASH_LOOP, restarts(), silence())
UNKNOWN = incident(IncidentType.UNKNOWN, evidence("other", 1), confidence=0.7)
FAULTS = (LEAK, SURGE, BURN, SLOW_PEER, POOL, DISK, BAD_CONFIGURATION, CRASH_LOOP, UNKNOWN)
