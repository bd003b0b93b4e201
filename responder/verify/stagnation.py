"""Tells "plainly as bad as before" from "getting better slowly"."""

from collections.abc import Sequence

from detector import AnomalyReason, Evidence, SeriesHealth
from responder.verify.health_text import distance, is_in_range

_TREND = 0.93
_LEVEL = 0.5


class Stagnation:
    """Follows the leading series of an incident after an action.

    The leading series is the one with the heaviest evidence among those the detector still reports.
    It stagnates when, for `window_s` of fresh samples taken after the action, its distance from the
    normal range neither fell between the two halves of that time (by 7 % or more) nor lies below half of
    what it was before. Anything else (silence, a stale sample, one that is normal or back in its range)
    starts the count anew. `evidence`: heaviest first.
    """

    def __init__(
        self, evidence: Sequence[Evidence], acted_at: float, window_s: float, fresh_s: float
    ) -> None:
        self._ranking = list(dict.fromkeys(e.series for e in evidence))
        self._telling = {e.series: e.now for e in reversed(evidence)}
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
        if leading is None or leading.normal or _is_back(leading) or not self._fresh(leading, at):
            self.restart()
            return False
        away = distance(leading.value, leading.low, leading.high)
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
        return distance(self._telling.get(series.series), series.low, series.high)

    def _improving(self, middle: float) -> bool:
        early = [away for at, away in self._seen if at <= middle and away is not None]
        late = [away for at, away in self._seen if at > middle and away is not None]
        if not early or not late:
            return False
        now = sum(late) / len(late)
        fell = now < _TREND * sum(early) / len(early)
        return fell or (self._before is not None and now < _LEVEL * self._before)


def _is_back(series: SeriesHealth) -> bool:
    """In range by its value, and not on its way to a limit."""
    return is_in_range(series) and series.reason is not AnomalyReason.LIMIT_FORECAST
