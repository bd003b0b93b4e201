"""The golden signals of a service as they are now, for people who look at it."""

from detector.classify.meaning import Signal
from detector.correlate.recovery import fresh_for
from detector.correlate.series_watch import SeriesWatch
from detector.correlate.service_state import ServiceState
from detector.incident import ServiceHealth, SignalHealth
from detector.score.judge import Range
from detector.score.probability import not_normal
from detector.series import SeriesRegistry, Stat

_SHOWN = (
    Signal.CPU, Signal.MEMORY, Signal.DISK, Signal.CLIENT_LATENCY, Signal.DB_POOL, Signal.DB_LATENCY,
    Signal.ERROR_RATIO, Signal.SERVER_LATENCY, Signal.REQUEST_RATE, Signal.QUEUE, Signal.NETWORK_ERRORS,
)  # fmt: skip
_PREFERRED = (Stat.SHARE, Stat.ERROR_RATIO, Stat.MEAN, Stat.VALUE, Stat.RATE, Stat.COUNT_RATE)


def health_of(state: ServiceState, registry: SeriesRegistry, watch: SeriesWatch, now: float) -> ServiceHealth:
    """A service as it is now."""
    signals = (_signal(signal, state, registry, watch, now) for signal in _SHOWN)
    return ServiceHealth(
        service=state.id.name,
        namespace=state.id.namespace,
        instances=tuple(sorted(process.name for process in state.life.live(now))),
        reporting=state.life.reporting(now),
        warm=state.warm,
        last_seen=state.life.last_heard,
        series_count=state.series_count,
        open_incident=state.live.id if state.live is not None else None,
        signals=tuple(signal for signal in signals if signal is not None),
    )


def _signal(
    signal: Signal, state: ServiceState, registry: SeriesRegistry, watch: SeriesWatch, now: float
) -> SignalHealth | None:
    judge = watch.judge
    worst: tuple[float, SignalHealth] | None = None
    slots = state.by_signal.get(signal, [])
    best = min((_PREFERRED.index(registry.keys[slot].stat) for slot in slots), default=None)
    for slot in slots:
        key, age = registry.keys[slot], now - float(judge.last_seen[slot])
        if _PREFERRED.index(key.stat) != best or age > max(10.0, fresh_for(0.0, state)):
            continue
        value, normal = float(judge.last_value[slot]), judge.range_of(slot)
        limit = watch.meaning[slot].limit
        share = value / limit if limit else (value if key.stat in {Stat.SHARE, Stat.ERROR_RATIO} else None)
        if share is None and signal is Signal.CPU and key.unit in {"1", "%"}:
            share = value / 100.0 if key.unit == "%" else value
        shown = SignalHealth(
            signal.value,
            key.unit,
            value,
            normal.low,
            normal.high,
            normal.contains(value),
            share,
            not_normal(_bad_distance(normal, value)) if normal.ready else None,
            _seconds_to_limit(state, slot, now),
        )
        rank = value + (1e12 if not shown.normal else 0.0)
        if worst is None or rank > worst[0]:
            worst = (rank, shown)
    return worst[1] if worst is not None else None


def _bad_distance(normal: Range, value: float) -> float:
    """Standard deviations from the mean, 0 on a side where that way is not bad."""
    away = normal.high if value > normal.mean else normal.low
    return normal.distance(value) if away is not None else 0.0


def _seconds_to_limit(state: ServiceState, slot: int, now: float) -> float | None:
    """By the trend that was seen last, while it lasts."""
    anomaly = state.anomalies.get(slot)
    if anomaly is None or anomaly.forecast is None or not anomaly.active:
        return None
    return max(0.0, anomaly.forecast.exhausted_at - now)
