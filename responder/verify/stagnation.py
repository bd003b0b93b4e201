"""Tells "plainly as bad as before" from "getting better slowly"."""

import math
from collections.abc import Sequence

from detector import Evidence, SeriesHealth

_TREND = 0.93
_LEVEL = 0.5


def distance(series: SeriesHealth) -> float | None:
    """How far outside its normal range a series is, in its unit; None where that cannot be told."""
    value = series.value
    if value is None or not math.isfinite(value):
        return None
    above = value - series.high if series.high is not None and math.isfinite(series.high) else 0.0
    below = series.low - value if series.low is not None and math.isfinite(series.low) else 0.0
    away = max(above, below)
    return away if away > 0 else None


class Stagnation:
    """Follows the leading series of an incident after an action.

    The leading series is the one with the heaviest evidence among those the detector still reports.
    It stagnates when, for `window_s` of fresh samples taken after the action, its distance from the
    normal range neither fell between the two halves of that time (by 7 % or more) nor lies below half of
    what it was before. Anything else (silence, a stale sample, a normal one) starts the count anew.
    """

    def __init__(
        self, evidence: Sequence[Evidence], acted_at: float, window_s: float, fresh_s: float
    ) -> None:
        ranked = sorted(evidence, key=lambda e: -(e.weight * e.score))
        self._ranking = list(dict.fromkeys(e.series for e in ranked))
        self._telling = {e.series: e.now for e in reversed(ranked)}
        self._acted_at = acted_at
        self._window_s = window_s
        self._fresh_s = fresh_s
        self._seen: list[tuple[float, float | None]] = []
        self._before: float | None = None

    def restart(self) -> None:
        """Forget what was seen: the detector could not be asked, or the service is silent."""
        self._seen.clear()

    def plain(self, series: Sequence[SeriesHealth], at: float) -> bool:
        """Whether by now, `at`, it is plain that the leading series did not get better."""
        leading = self._leading(series)
        if leading is None or leading.normal or not self._fresh(leading, at):
            self.restart()
            return False
        away = distance(leading)
        self._before = max(
            (x for x in (self._before, self._level_before(leading), away) if x is not None), default=None
        )
        self._seen.append((at, away))
        since = self._seen[0][0]
        if at - since < self._window_s:
            return False
        if self._improving(since + (at - since) / 2):
            # Slow progress is progress: drop the older half and keep watching.
            self._seen = self._seen[len(self._seen) // 2 :]
            return False
        return True

    def _leading(self, series: Sequence[SeriesHealth]) -> SeriesHealth | None:
        by_name = {s.series: s for s in series}
        named = next((by_name[name] for name in self._ranking if name in by_name), None)
        return named or next((s for s in series if not s.normal), None)

    def _fresh(self, series: SeriesHealth, at: float) -> bool:
        age = series.age_s
        return age is not None and age <= self._fresh_s and age <= at - self._acted_at

    def _level_before(self, series: SeriesHealth) -> float | None:
        """How far the most telling value of the evidence was outside today's range."""
        telling = self._telling.get(series.series)
        if telling is None or not math.isfinite(telling):
            return None
        above = telling - series.high if series.high is not None else 0.0
        below = series.low - telling if series.low is not None else 0.0
        return max(above, below, 0.0) or None

    def _improving(self, middle: float) -> bool:
        early = [away for at, away in self._seen if at <= middle and away is not None]
        late = [away for at, away in self._seen if at > middle and away is not None]
        if not early or not late:
            return False
        now = sum(late) / len(late)
        fell = now < _TREND * sum(early) / len(early)
        return fell or (self._before is not None and now < _LEVEL * self._before)
