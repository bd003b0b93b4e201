"""Is it over? Reads from the latest samples whether what raised an incident is normal again."""

from collections.abc import Iterable

from detector.correlate.anomaly import Anomaly
from detector.correlate.coming_and_going import RESTING_S
from detector.correlate.live_incident import LiveIncident
from detector.correlate.series_watch import SeriesWatch
from detector.correlate.service_state import ServiceState
from detector.incident import AnomalyReason, IncidentState, Recovery, SeriesHealth
from detector.score.streak import Run, SlotWatch


def is_normal(anomaly: Anomaly, state: ServiceState, watch: SeriesWatch, now: float) -> bool:
    """Whether one raising series is in its range, or (while the service reports) sends nothing fresh."""
    if not isinstance(anomaly.key, int):
        if anomaly.reason is AnomalyReason.SILENT:
            return state.life.reporting(now)
        return now - anomaly.heard_at >= RESTING_S
    followed = watch.streaks.watch(anomaly.key)
    if followed is None:
        return True
    observed = _observed(followed, state, now)
    if any(run.count for run in observed) or _is_excused(followed, state, now):
        return False
    if not observed and state.life.starting(now):
        return False  # nothing is known yet of the process that is to show that it is over
    return not (anomaly.forecast is not None and watch.is_rising(anomaly.key, now))


def _observed(followed: SlotWatch, state: ServiceState, now: float) -> list[Run]:
    """What the instances sent last on a series, where that speaks of the present."""
    fresh = fresh_for(followed.gap, state)
    return [run for run in followed.runs.values() if now - run.seen <= fresh]


def _is_excused(followed: SlotWatch, state: ServiceState, now: float) -> bool:
    """Whether a process that is starting has just sent what would be outside later."""
    return now - followed.excused_at <= fresh_for(followed.gap, state) / 2.0


def is_back(anomaly: Anomaly, state: ServiceState, watch: SeriesWatch, now: float) -> bool:
    """Whether what had become normal is plainly abnormal again; not knowing is not enough."""
    if not isinstance(anomaly.key, int):
        return not is_normal(anomaly, state, watch, now)
    followed = watch.streaks.watch(anomaly.key)
    if followed is None:
        return False
    return any(run.count for run in _observed(followed, state, now))


def fresh_for(gap: float, state: ServiceState) -> float:
    """For how long a sample speaks of the present, seconds: three of the series' own intervals."""
    return 3.0 * max(gap, state.life.interval, 1.0)


def is_over(live: LiveIncident, state: ServiceState, watch: SeriesWatch, now: float) -> bool:
    """Whether the service reports and all raising series are normal now."""
    return state.life.reporting(now) and all(is_normal(a, state, watch, now) for a in live.raising())


def recovery_of(
    live: LiveIncident, state: ServiceState, watch: SeriesWatch, now: float, worse_after_s: float
) -> Recovery:
    """The answer to "is this incident over?"."""
    reporting = state.life.reporting(now)
    closed = live.state is IncidentState.CLOSED
    normal = is_over(live, state, watch, now)
    since = live.abnormal_at
    series = tuple(_health(a, state, watch, now) for a in live.raising())
    return Recovery(
        incident_id=live.id,
        state=live.state,
        reporting=reporting,
        normal=normal,
        normal_for_s=max(0.0, now - since) if normal else 0.0,
        series=series,
        worse=()
        if closed
        else tuple(_health(a, state, watch, now) for a in _worse(live, state, now, worse_after_s)),
    )


def _worse(live: LiveIncident, state: ServiceState, now: float, after_s: float) -> Iterable[Anomaly]:
    """Symptoms that began after the fault's own had time to show, that last, and that no start explains.

    What shows within `after_s` of opening belongs to the fault. A process that has just started gets the
    same time again to settle.
    """
    settled = all(now - process.began > 2.0 * after_s for process in state.life.processes.values())
    for anomaly in state.anomalies.values():
        late = anomaly.noticed_at > live.opened_at + after_s
        lasting = anomaly.active and now - anomaly.noticed_at >= after_s
        if anomaly.raising and late and lasting and (settled or anomaly.reason is AnomalyReason.SILENT):
            yield anomaly


def _worst(
    anomaly: Anomaly, slot: int, state: ServiceState, watch: SeriesWatch, now: float
) -> tuple[float | None, float]:
    """The fresh value farthest to the bad side among the instances, and when it was received.

    Where none is fresh the value is None, and the time that of the last sample there was.
    """
    last_seen = float(watch.judge.last_seen[slot])
    followed = watch.streaks.watch(slot)
    if followed is None:
        fresh = now - last_seen <= fresh_for(0.0, state)
        return (float(watch.judge.last_value[slot]) if fresh else None), last_seen
    known = [(run.value, run.seen) for run in _observed(followed, state, now)]
    if _is_excused(followed, state, now):
        known.append((followed.excused_value, followed.excused_at))
    if not known:
        return None, last_seen
    return min(known) if anomaly.reason is AnomalyReason.BELOW_NORMAL else max(known)


def _health(anomaly: Anomaly, state: ServiceState, watch: SeriesWatch, now: float) -> SeriesHealth:
    value, low, high, age = anomaly.now, anomaly.low, anomaly.high, now - anomaly.heard_at
    if isinstance(anomaly.key, int):
        normal_range = watch.judge.range_of(anomaly.key)
        low, high = normal_range.low, normal_range.high
        value, seen_at = _worst(anomaly, anomaly.key, state, watch, now)
        age = now - seen_at
    elif anomaly.reason is AnomalyReason.SILENT:
        value = age = now - state.life.last_heard
    normal = is_normal(anomaly, state, watch, now)
    return SeriesHealth(
        series=anomaly.series,
        signal=anomaly.signal.value,
        unit=anomaly.unit,
        value=value,
        low=low,
        high=high,
        normal=normal,
        age_s=max(0.0, age),
        reason=None if normal else anomaly.reason,
    )
