"""The health of series in words: what changed since the incident, and what is still wrong and by how much."""

import math
from collections.abc import Iterable, Sequence

from detector import AnomalyReason, Evidence, SeriesHealth
from responder.quantity import amount, span
from responder.series_name import series_name

_MAX_NAMED = 3
_GONE = {
    "client_latency": "no calls any more",
    "network_errors": "no calls any more",
    "server_latency": "no requests any more",
    "error_ratio": "no requests any more",
}
_LIFE = ("restarts", "silence")


class HealthText:
    """Speaks of an incident's series, the heaviest evidence first and each name once.

    `evidence`: heaviest first. `acted_at`: a sample from before then says nothing about now.
    """

    def __init__(self, evidence: Sequence[Evidence], acted_at: float) -> None:
        self._acted_at = acted_at
        self._then = {e.series: e for e in reversed(evidence)}
        self._rank = {e.series: i for i, e in reversed(list(enumerate(evidence)))}

    def changes(self, series: Iterable[SeriesHealth], at: float) -> str:
        """Each series as it was and as it is now, for those that are normal."""
        # Of several series of one name the one that is still observed tells most.
        observed_first = sorted(self._ranked(series), key=lambda s: self._unobserved(s, at))
        chosen = {s.series for s in _one_per_name(observed_first)}
        return self._joined([self._change(s, at) for s in self._ranked(series) if s.series in chosen])

    def troubles(self, series: Iterable[SeriesHealth], at: float) -> str:
        """What is wrong with each series that is not normal, and by how much."""
        bad = [s for s in self._ranked(series) if not s.normal]
        return self._joined([self._trouble(s, at) for s in _one_per_name(bad)])

    def _ranked(self, series: Iterable[SeriesHealth]) -> list[SeriesHealth]:
        return sorted(series, key=lambda s: self._rank.get(s.series, len(self._rank)))

    def _joined(self, phrases: Sequence[str]) -> str:
        more = len(phrases) - _MAX_NAMED
        return "; ".join(phrases[:_MAX_NAMED]) + (f"; and {more} more" if more > 0 else "")

    def _change(self, series: SeriesHealth, at: float) -> str:
        name, then = series_name(series.series, series.signal), self._before(series)
        if _of_life(series):
            return "heard again" if series.signal == "silence" else f"no {name} any more"
        if self._unobserved(series, at):
            gone = _GONE.get(series.signal, "no longer observed")
            return f"{name} {then}, {gone}" if then else f"{name}: {gone}"
        now = _now(series)
        return f"{name} {then} → {now}" if then and then != now else f"{name} {now}"

    def _trouble(self, series: SeriesHealth, at: float) -> str:
        name, then = series_name(series.series, series.signal), self._before(series)
        if _of_life(series):
            return _trouble_of_life(name, series)
        if series.value is None or not math.isfinite(series.value):
            return f"{name} not observed yet"
        now = _now(series)
        if self._stale(series, at):
            return f"{name} {now} when last observed, before the action"
        if is_in_range(series):
            forecast = series.reason is AnomalyReason.LIMIT_FORECAST
            return (
                f"{name} {now}, still on its way to the limit" if forecast else f"{name} just back at {now}"
            )
        if then == now:
            return f"{name} {now}, unchanged{_bound(series, ' (', ')')}"
        return f"{name} {now}" + _bound(series, " (", f"; {then} before)" if then else ")")

    def _before(self, series: SeriesHealth) -> str:
        """The value that raised the incident; empty where it had none."""
        then = self._then.get(series.series)
        return "" if then is None or then.now is None else amount(then.now, then.unit, series.series)

    def _stale(self, series: SeriesHealth, at: float) -> bool:
        return series.age_s is not None and series.age_s > at - self._acted_at

    def _unobserved(self, series: SeriesHealth, at: float) -> bool:
        """A normal series whose value is not of now: there is none, or it is from before, or it is plainly
        not why the series is called normal."""
        if series.value is None or not math.isfinite(series.value) or self._stale(series, at):
            return True
        return distance(series.value, series.low, series.high) is not None


def distance(value: float | None, low: float | None, high: float | None) -> float | None:
    """How far `value` is outside `low` to `high`; None where it is inside or that cannot be told."""
    if value is None or not math.isfinite(value):
        return None
    above = value - high if high is not None and math.isfinite(high) else 0.0
    below = low - value if low is not None and math.isfinite(low) else 0.0
    away = max(above, below)
    return away if away > 0 else None


def is_in_range(series: SeriesHealth) -> bool:
    """Whether the value is known to be within a normal range that is known."""
    known = series.value is not None and math.isfinite(series.value)
    bounded = series.low is not None or series.high is not None
    return known and bounded and distance(series.value, series.low, series.high) is None


def _one_per_name(series: Iterable[SeriesHealth]) -> list[SeriesHealth]:
    first: dict[str, SeriesHealth] = {}
    for one in series:
        first.setdefault(series_name(one.series, one.signal), one)
    return list(first.values())


def _of_life(series: SeriesHealth) -> bool:
    return series.signal in _LIFE or series.series.startswith("lifecycle.")


def _trouble_of_life(name: str, series: SeriesHealth) -> str:
    ago = "" if series.age_s is None else span(series.age_s)
    if series.signal == "silence":
        return f"silent for {ago}" if ago else "silent"
    last = f"the last {ago} ago" if ago else "and no end"
    if series.value is None or not math.isfinite(series.value):
        return f"{name}, {last}"
    return f"{series.value:.0f} {name}, {last}"


def _now(series: SeriesHealth) -> str:
    return amount(series.value if series.value is not None else math.nan, series.unit, series.series)


def _bound(series: SeriesHealth, before: str, after: str) -> str:
    """The end of the normal range the value lies beyond, between `before` and `after`."""
    value = series.value if series.value is not None else math.nan
    if series.high is not None and math.isfinite(series.high) and value > series.high:
        return f"{before}normal up to {amount(series.high, series.unit, series.series)}{after}"
    if series.low is not None and math.isfinite(series.low) and value < series.low:
        return f"{before}normal from {amount(series.low, series.unit, series.series)}{after}"
    return ""
