"""Evidence that never opens an incident by itself, and tells people more once one is open."""

from detector.classify.meaning import Signal
from detector.correlate.anomaly import Anomaly
from detector.correlate.describe import clipped
from detector.correlate.service_state import ServiceState
from detector.incident import AnomalyReason, EvidenceKind
from detector.score.bank import Floats
from detector.series import LogNotice

ERROR = 17
"""OTLP severity number from which a log record is an error."""
NEW_LOGS_KEPT = 5
WEIGHT = 0.1
COMBINATION = "combination"


def observe_new_log(state: ServiceState, log: LogNotice, now: float) -> None:
    """Remember for a while an error of a pattern never seen before."""
    key = f"log:{log.template[:200]}"
    kept = sum(isinstance(k, str) and k.startswith("log:") for k in state.anomalies)
    if log.severity < ERROR or not log.new or key in state.anomalies or kept >= NEW_LOGS_KEPT:
        return
    time = min(max(log.time, now - 120.0), now)
    anomaly = state.anomalies[key] = Anomaly(
        key=key,
        kind=EvidenceKind.LOG,
        signal=Signal.ERROR_LOGS,
        reason=AnomalyReason.NEW_ERROR_LOG,
        series="log.records",
        name="log.records",
        stat=None,
        unit="",
        weight=WEIGHT,
        score=1.0,
        first_seen=time,
        last_seen=time,
        heard_at=now,
        noticed_at=now,
        instance=log.instance.name,
        detail=f"an error log line never seen before: {clipped(log.body, 160)}",
        active=False,
    )
    anomaly.cite_log(log.body, log.trace_id)


def observe_combination(state: ServiceState, distances: Floats, score: float, now: float) -> None:
    """Note that the service's golden signals were together as never before.

    `distances` [number of signals]: each signal's distance from its mean in standard deviations.
    """
    known = state.anomalies.get(COMBINATION)
    if known is None:
        names = [s.value for s, z in zip(Signal, distances, strict=True) if z > 3.0]
        known = state.anomalies[COMBINATION] = Anomaly(
            key=COMBINATION,
            kind=EvidenceKind.METRIC,
            signal=Signal.OTHER,
            reason=AnomalyReason.UNUSUAL_COMBINATION,
            series="combination of golden signals",
            name=COMBINATION,
            stat=None,
            unit="",
            weight=WEIGHT,
            score=score,
            first_seen=now,
            last_seen=now,
            heard_at=now,
            noticed_at=now,
            active=False,
            detail=f"an unusual combination of {', '.join(names) or 'signals'}",
        )
    known.score, known.last_seen, known.heard_at = max(score, known.score), now, now
