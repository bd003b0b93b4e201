"""Detector: OTLP in, incidents out.

Public names are the types the detector publishes (`detector.incident`): what an
incident is, and what its query interface answers. Everything else is internal.
"""

from detector.incident import (
    AnomalyReason,
    Deploy,
    Evidence,
    EvidenceKind,
    Forecast,
    Incident,
    IncidentState,
    IncidentType,
    LogLine,
    LogSeverity,
    Neighbour,
    Neighbours,
    PeerKind,
    Recovery,
    SeriesHealth,
    ServiceHealth,
    Severity,
    SignalHealth,
    TypeCandidate,
)

__all__ = [
    "AnomalyReason",
    "Deploy",
    "Evidence",
    "EvidenceKind",
    "Forecast",
    "Incident",
    "IncidentState",
    "IncidentType",
    "LogLine",
    "LogSeverity",
    "Neighbour",
    "Neighbours",
    "PeerKind",
    "Recovery",
    "SeriesHealth",
    "ServiceHealth",
    "Severity",
    "SignalHealth",
    "TypeCandidate",
]
