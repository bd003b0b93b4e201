"""The simple webhook payload, and the incident an alert is when nothing else is known of the fault."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from detector import (
    AnomalyReason,
    Evidence,
    EvidenceKind,
    Incident,
    IncidentState,
    IncidentType,
    Severity,
    TypeCandidate,
)

MAX_ID = 200
MAX_LINES = 20
MAX_LINE = 500
UNKNOWN_SERVICE = "unknown"

_TYPES: dict[IncidentType, tuple[str, ...]] = {
    IncidentType.MEMORY_OOM: (
        *("oom", "oomkill", "oomkilled", "outofmemory", "outofmemoryerror", "memory", "memoryleak"),
        *("highmemory", "memoryhigh", "highmemoryusage", "memoryusage", "memorypressure"),
    ),
    IncidentType.NETWORK_LATENCY: (
        *("latency", "highlatency", "network", "networktimeout", "timeout", "slow", "slowresponse"),
        *("networkdelay", "latencyhigh", "slowdependency"),
    ),
    IncidentType.CPU_SPIKE: (
        *("cpu", "highcpu", "cpuhigh", "cpuusage", "highcpuusage", "cputhrottling", "cpusaturation"),
    ),
    IncidentType.DB_CONNECTION_POOL: (
        *("dbpool", "connectionpool", "dbconnection", "dbconnections", "databaseconnectionpool", "database"),
        *("connectionpoolexhausted", "poolexhausted", "connectionpoolexhaustion", "connectionleak"),
    ),
    IncidentType.DISK_SPACE: (
        *(
            "disk",
            "diskfull",
            "diskusage",
            "nospace",
            "nospaceleft",
            "diskpressure",
            "storage",
            "storagefull",
        ),
        *("lowdiskspace", "diskspacelow", "filesystemfull"),
    ),
    IncidentType.POD_CRASH_LOOP: (
        *("crashloop", "crashloopbackoff", "podcrash", "crash", "restartloop", "containercrash"),
        *("crashlooping", "podcrashlooping", "kubepodcrashlooping", "backoff"),
    ),
}
_SEVERITIES: dict[Severity, tuple[str, ...]] = {
    Severity.LOW: ("low", "info", "informational", "notice", "minor", "p4", "p5"),
    Severity.MEDIUM: ("medium", "warning", "warn", "moderate", "p3"),
    Severity.HIGH: ("high", "error", "major", "p2"),
    Severity.CRITICAL: ("critical", "crit", "fatal", "emergency", "alert", "page", "disaster", "p1"),
}


def _lines(value: object) -> object:
    """Log text or a list of lines as the first few lines, each cut."""
    if isinstance(value, str):
        value = value.splitlines()
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return [line[:MAX_LINE] for line in value if line.strip()][:MAX_LINES]
    return value


_Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ID, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$"),
]


class WebhookAlert(BaseModel):
    """An alert from elsewhere. Fields that are not named here are ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "incident_id": "alert-4711",
                    "alert_type": "oom-killed",
                    "logs": "java.lang.OutOfMemoryError: Java heap space",
                    "container_name": "checkout",
                    "severity": "critical",
                    "timestamp": "2026-08-01T12:00:00Z",
                }
            ]
        }
    )

    incident_id: _Name = Field(description="the sender's id; the same id again is the same alert")
    alert_type: _Name = Field(description="an incident type or a common name of one, in any spelling")
    logs: Annotated[list[str], BeforeValidator(_lines)] = Field(
        description=f"log text, or a list of lines; the first {MAX_LINES} lines are kept"
    )
    container_name: _Name | None = Field(None, description="the service the alert is about")
    severity: str | None = Field(None, max_length=40, description="low, medium, high, critical or alike")
    timestamp: datetime | None = Field(None, description="ISO 8601, or seconds since the epoch")


def incident_type(name: str) -> IncidentType:
    """The type by its name or a common other name, in any spelling of case, dashes and spaces."""
    plain = _plain(name)
    for kind, names in _TYPES.items():
        if plain == _plain(kind) or plain in names:
            return kind
    return IncidentType.UNKNOWN


def severity(name: str | None) -> Severity:
    """The severity by its name or a common other name; `MEDIUM` when it is not known."""
    plain = _plain(name or "")
    return next((one for one, names in _SEVERITIES.items() if plain in names), Severity.MEDIUM)


def incident_of(alert: WebhookAlert, traceparent: str, at: float) -> Incident:
    """The incident that `alert` is on its own, received `at`."""
    kind = incident_type(alert.alert_type)
    began = _seconds(alert.timestamp, at)
    service = alert.container_name or UNKNOWN_SERVICE
    text = f"Alert {alert.alert_type} for {service}"
    evidence = Evidence(
        id=f"alert:{alert.incident_id}",
        kind=EvidenceKind.LOG,
        signal="alert",
        reason=AnomalyReason.NEW_ERROR_LOG,
        service=service,
        series=f"alert:{_plain(alert.alert_type)}",
        description=text,
        unit="",
        before=None,
        now=None,
        low=None,
        high=None,
        score=1.0,
        weight=1.0,
        first_seen=began,
        last_seen=at,
        log_lines=tuple(alert.logs),
    )
    # What somebody else concluded, without numbers to look at: believed by half.
    confidence = 0.0 if kind is IncidentType.UNKNOWN else 0.5
    return Incident(
        id=alert.incident_id,
        revision=0,
        service=service,
        namespace="",
        type=kind,
        confidence=confidence,
        severity=severity(alert.severity),
        state=IncidentState.OPEN,
        started_at=began,
        opened_at=at,
        updated_at=at,
        closed_at=None,
        summary=text,
        evidence=(evidence,),
        candidates=(TypeCandidate(kind, confidence),),
        traceparent=traceparent,
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _seconds(timestamp: datetime | None, at: float) -> float:
    """The sender's time where it is not in the future, else ours."""
    if timestamp is None:
        return at
    aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    return min(at, aware.timestamp())
