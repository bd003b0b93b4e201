"""An incident to send about in tests."""

from dataclasses import replace
from typing import Any

from detector.incident import (
    AnomalyReason,
    Evidence,
    EvidenceKind,
    Incident,
    IncidentState,
    IncidentType,
    Severity,
    TypeCandidate,
)

EVIDENCE = Evidence(
    id="e1",
    kind=EvidenceKind.METRIC,
    signal="client_latency",
    reason=AnomalyReason.ABOVE_NORMAL,
    service="checkout",
    series="http.client.request.duration:p95",
    description="calls take longer",
    unit="s",
    before=0.02,
    now=0.9,
    low=0.0,
    high=0.1,
    score=0.99,
    weight=0.7,
    first_seen=1000.0,
    last_seen=1002.0,
)

EXAMPLE = Incident(
    id="INC-1",
    revision=1,
    service="checkout",
    namespace="shop",
    type=IncidentType.NETWORK_LATENCY,
    confidence=0.9,
    severity=Severity.HIGH,
    state=IncidentState.OPEN,
    started_at=1000.0,
    opened_at=1002.0,
    updated_at=1002.0,
    closed_at=None,
    summary="calls of checkout take longer",
    evidence=(EVIDENCE,),
    candidates=(TypeCandidate(IncidentType.NETWORK_LATENCY, 0.9),),
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


def an_incident(incident_id: str = "INC-1", revision: int = 1, **changes: Any) -> Incident:
    return replace(EXAMPLE, id=incident_id, revision=revision, **changes)
