"""The incident an alert is when nothing else is known of the fault."""

from detector import (
    AnomalyReason,
    Evidence,
    EvidenceKind,
    Incident,
    IncidentState,
    IncidentType,
    TypeCandidate,
)
from responder.alerts.naming import incident_type, plain, severity
from responder.alerts.reported import MAX_LINE, MAX_LINES, MAX_NAME, ReportedAlert, clean_name, label_texts
from responder.redaction import redact
from responder.store import Alert

UNKNOWN_SERVICE = "unknown"
_MAX_LABELS_LINE = 1_000


def alert_of(reported: ReportedAlert, traceparent: str, at: float) -> Alert:
    """What the store takes in, received `at`. Times in the future count as now."""
    began = None if reported.began is None else min(at, reported.began)
    return Alert(
        incident=_incident(reported, traceparent, began if began is not None else at, at),
        source=reported.source,
        key=reported.key,
        firing=reported.firing,
        began=began,
        about=clean_name(reported.about),
    )


def _incident(reported: ReportedAlert, traceparent: str, began: float, at: float) -> Incident:
    kind = incident_type(*reported.kinds)
    service = clean_name(reported.service or "") or UNKNOWN_SERVICE
    title = clean_name(reported.title)[:MAX_NAME] or "alert"
    # What somebody else concluded, without numbers to look at: believed by half.
    confidence = 0.0 if kind is IncidentType.UNKNOWN else 0.5
    return Incident(
        id=reported.id,
        revision=0,
        service=service,
        namespace="",
        type=kind,
        confidence=confidence,
        severity=severity(reported.severity),
        state=IncidentState.OPEN,
        started_at=began,
        opened_at=at,
        updated_at=at,
        closed_at=None,
        summary=_text(title, service),
        evidence=(_evidence(reported, service, title, began, at),),
        candidates=(TypeCandidate(kind, confidence),),
        traceparent=traceparent,
    )


def _evidence(reported: ReportedAlert, service: str, title: str, began: float, at: float) -> Evidence:
    lines = [redact(line, MAX_LINE) for line in reported.lines[:MAX_LINES]]
    labels = ", ".join(label_texts(reported.labels))
    if labels:
        lines = [*lines[: MAX_LINES - 1], f"labels: {labels}"[:_MAX_LABELS_LINE]]
    return Evidence(
        id=f"alert:{reported.id}",
        kind=EvidenceKind.LOG,
        signal="alert",
        reason=AnomalyReason.NEW_ERROR_LOG,
        service=service,
        series=f"alert:{plain(title)}",
        description=_text(title, service),
        unit="",
        before=None,
        now=None,
        low=None,
        high=None,
        score=1.0,
        weight=1.0,
        first_seen=began,
        last_seen=at,
        log_lines=tuple(line for line in lines if line),
    )


def _text(title: str, service: str) -> str:
    return f"Alert {title} for {service}"
