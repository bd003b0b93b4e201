"""An incident while it lives: evidence joins it, its type is revised, it is over at last."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from detector.classify.meaning import Signal
from detector.classify.signature import Signatures
from detector.correlate.anomaly import Anomaly, AnomalyKey
from detector.correlate.describe import observation, summary
from detector.correlate.gather import alarm, severity, voices
from detector.correlate.suspicion import Suspicion
from detector.incident import Evidence, Incident, IncidentState, IncidentType, Severity, TypeCandidate
from detector.series import ServiceId

MOST_EVIDENCE = 24
MOST_OF_A_SIGNAL = 5
CLEARLY = 0.25
"""How much more belief another type must have to take the place of the first, once evidence has gathered."""

SURER = 0.15
"""A change of the confidence in the type that is worth a report at once."""

RAISING_WEIGHT = 0.45
"""Weight from which an incident is not over before the anomaly is."""

_RANK = {s: n for n, s in enumerate((Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL))}


@dataclass(slots=True)
class LiveIncident:
    """One fault of one service from opening to closing. `abnormal_at`: when it was last seen not over."""

    id: str
    service: ServiceId
    opened_at: float
    previous_of: Callable[[IncidentType], str | None]
    signatures: Signatures
    anomalies: dict[AnomalyKey, Anomaly] = field(default_factory=dict)
    evidence_ids: dict[AnomalyKey, str] = field(default_factory=dict)
    instances: tuple[str, ...] = ()
    candidates: tuple[TypeCandidate, ...] = ()
    type: IncidentType = IncidentType.UNKNOWN
    severity: Severity = Severity.LOW
    state: IncidentState = IncidentState.OPEN
    traceparent: str = ""
    previous_id: str | None = None
    revision: int = 0
    closed_at: float | None = None
    joined_at: float = 0.0
    abnormal_at: float = 0.0
    changed: bool = False
    published: Incident | None = None

    def join(self, anomaly: Anomaly, now: float) -> None:
        """Add an anomaly to the evidence, once, within bounds."""
        if anomaly.key in self.anomalies or len(self.anomalies) >= MOST_EVIDENCE:
            return
        if sum(a.signal is anomaly.signal for a in self.anomalies.values()) >= MOST_OF_A_SIGNAL:
            return
        anomaly.raising = _is_raising(anomaly)
        self.anomalies[anomaly.key] = anomaly
        self.evidence_ids[anomaly.key] = f"E{len(self.evidence_ids) + 1}"
        self.joined_at = now
        self.changed = True

    def raising(self) -> list[Anomaly]:
        """What must be normal again before the incident is over."""
        chosen = [a for a in self.anomalies.values() if a.raising]
        return chosen or [a for a in self.anomalies.values() if a.weight > 0]

    def revise(self, now: float, gathering_s: float, suspicions: Iterable[Suspicion]) -> None:
        """Weigh the evidence again: type (with care once gathering is over) and severity (never down)."""
        known = list(self.anomalies.values())
        for anomaly in known:
            anomaly.raising = anomaly.raising or _is_raising(anomaly)
        lines = [line for anomaly in known for line in anomaly.log_lines]
        ranked = self.signatures.candidates(voices(known, suspicions), lines)
        believed = {candidate.type: candidate.confidence for candidate in ranked}
        first = ranked[0].type
        if first is not self.type:
            gathering = now - self.opened_at <= gathering_s
            if gathering or believed[first] > believed.get(self.type, 0.0) + CLEARLY:
                self.type, self.changed = first, True
        own = TypeCandidate(self.type, believed.get(self.type, 0.0))
        self.candidates = (own, *(c for c in ranked if c.type is not self.type))
        self.changed = self.changed or self.decided()
        urgency = severity(known)
        if _RANK[urgency] > _RANK[self.severity]:
            self.severity, self.changed = urgency, True
        if self.revision == 0:
            self.previous_id = self.previous_of(self.type)

    def decided(self) -> bool:
        """Whether the type, or how sure it is, is no longer what was last reported."""
        if self.published is None or not self.candidates:
            return False
        reported, own = self.published.candidates[0], self.candidates[0]
        return own.type is not reported.type or abs(own.confidence - reported.confidence) >= SURER

    def outdated(self) -> bool:
        """Whether numbers moved so far since the last report that it misleads."""
        if self.published is None or len(self.published.evidence) != len(self.anomalies):
            return True
        reported = {evidence.id: evidence for evidence in self.published.evidence}
        for key, anomaly in self.anomalies.items():
            before, now = reported[self.evidence_ids[key]].now, anomaly.now
            if before is not None and now is not None and abs(now - before) > 0.2 * abs(before):
                return True
        return False

    def close(self, now: float) -> None:
        """It is over."""
        self.state, self.closed_at, self.changed = IncidentState.CLOSED, now, True

    def publish(self, now: float) -> Incident:
        """The incident as it stands, a new revision."""
        self.revision += 1
        self.changed = False
        known = sorted(self.anomalies.values(), key=lambda a: -a.strength)
        faults = [a for a in known if a.weight > 0]
        forecasts = [a.forecast for a in known if a.forecast is not None]
        self.published = Incident(
            id=self.id,
            revision=self.revision,
            service=self.service.name,
            namespace=self.service.namespace,
            type=self.type,
            confidence=min(self.candidates[0].confidence, alarm(faults)) if self.candidates else 0.0,
            severity=self.severity,
            state=self.state,
            started_at=min((a.first_seen for a in faults), default=self.opened_at),
            opened_at=self.opened_at,
            updated_at=now,
            closed_at=self.closed_at,
            summary=summary(self.service.name, self.type, known),
            evidence=tuple(self._evidence(anomaly) for anomaly in known),
            candidates=self.candidates,
            traceparent=self.traceparent,
            instances=self.instances,
            forecast=min(forecasts, key=lambda f: f.exhausted_at, default=None),
            previous_id=self.previous_id,
        )
        return self.published

    def _evidence(self, anomaly: Anomaly) -> Evidence:
        return Evidence(
            id=self.evidence_ids[anomaly.key],
            kind=anomaly.kind,
            signal=anomaly.signal.value,
            reason=anomaly.reason,
            service=self.service.name,
            series=anomaly.series,
            description=observation(anomaly),
            unit=anomaly.unit,
            before=anomaly.before,
            now=anomaly.now,
            low=anomaly.low,
            high=anomaly.high,
            score=anomaly.score,
            weight=anomaly.weight,
            first_seen=anomaly.first_seen,
            last_seen=anomaly.last_seen,
            instance=anomaly.instance,
            log_lines=tuple(anomaly.log_lines),
            trace_ids=tuple(anomaly.trace_ids),
        )


def _is_raising(anomaly: Anomaly) -> bool:
    return anomaly.weight >= RAISING_WEIGHT and anomaly.signal is not Signal.OTHER
