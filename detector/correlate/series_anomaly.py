"""A sample outside its range as an anomaly: what it is called, why it counts, when it was."""

from detector.classify.meaning import Meaning, Signal
from detector.correlate.anomaly import Anomaly
from detector.correlate.describe import series_label
from detector.incident import AnomalyReason, EvidenceKind
from detector.score.judge import Range
from detector.score.probability import not_normal
from detector.score.streak import Sighting
from detector.series import Origin, SeriesKey, Stat

_KIND = {Origin.METRIC: EvidenceKind.METRIC, Origin.SPAN: EvidenceKind.SPAN, Origin.LOG: EvidenceKind.LOG}
_AT_LIMIT = 0.97
_LATE_S = 120.0


def credible(time: float, now: float) -> float:
    """The sender's time, kept near the receiver's clock: an untrusted clock must not date an incident."""
    return min(max(time, now - _LATE_S), now)


def reason_of(key: SeriesKey, meaning: Meaning, value: float, normal: Range) -> AnomalyReason:
    """Why a value outside its range counts as anomalous."""
    if value < normal.mean:
        return AnomalyReason.BELOW_NORMAL
    if key.stat is Stat.SHARE and value >= _AT_LIMIT:
        return AnomalyReason.LIMIT_REACHED
    if meaning.limit is not None and value >= _AT_LIMIT * meaning.limit:
        return AnomalyReason.LIMIT_REACHED
    if meaning.signal in {Signal.ERROR_RATIO, Signal.NETWORK_ERRORS}:
        return AnomalyReason.ERROR_RATE
    if meaning.signal is Signal.ERROR_LOGS:
        return AnomalyReason.NEW_ERROR_LOG if normal.mean == 0.0 else AnomalyReason.ABOVE_NORMAL
    return AnomalyReason.ABOVE_NORMAL


def anomaly_of(  # noqa: PLR0917  # a sample and all that is known of its series
    seen: Sighting, key: SeriesKey, meaning: Meaning, normal: Range, reason: AnomalyReason, instance: str
) -> Anomaly:
    """The anomaly that begins with a sample."""
    time = credible(seen.time, seen.now)
    return Anomaly(
        key=seen.slot,
        kind=_KIND[key.origin],
        signal=meaning.signal,
        reason=reason,
        series=str(key),
        label=series_label(key),
        name=key.name,
        stat=key.stat,
        unit=key.unit,
        weight=meaning.weight,
        score=not_normal(normal.distance(seen.value)),
        first_seen=time,
        last_seen=time,
        heard_at=seen.now,
        noticed_at=seen.now,
        before=normal.mean if normal.ready else None,
        now=seen.value,
        low=normal.low,
        high=normal.high,
        instance=instance,
    )
