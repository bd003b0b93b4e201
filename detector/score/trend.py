"""Sees a resource run towards its limit, long before it gets there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.score.bank import Bools, Floats, grown, rounds

SPANS = (2, 3, 5, 8, 13, 21, 34, 55, 89)
"""Lengths (in steps) of the stretches that are looked at for a trend, shortest first."""
LATE = 0.9
"""Share of the limit from which growth is taken seriously although nothing is known of the time before."""
NEWLY_HIGH, NEWLY_HIGH_LATE = 0.05, 0.03
"""How far (share of the limit) above what was seen before a level is a new one; less when it is late."""
LEAST_GROWTH = 0.06
"""A smaller growth (share of the limit) is no trend,"""
ROOM_TAKEN = 0.2
"""nor is one that took a smaller part of the room that was left: caches fill, too."""
STEPS_COMPARED = ((2, 0.03), (13, 0.05), (89, 0.08))
"""A growth (share of the limit) over so many steps that a stretch deserves a look at all."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A rise towards a limit. `start` and `value` are shares of the limit, `slope` its change per second."""

    start: float
    value: float
    slope: float
    began_at: float
    steps: int

    @property
    def seconds_to_limit(self) -> float:
        """When the limit is reached if it goes on like this."""
        return max(0.0, (1.0 - self.value) / self.slope)


def theil_sen(times: Floats, values: Floats, most: int = 24) -> float:
    """Median of the slopes between all pairs of points (Theil 1950, Sen 1968), of at most `most` points.

    Robust: up to 29 % of the points may be wild.
    """
    if len(times) > most:
        pick = np.linspace(0, len(times) - 1, most).astype(np.int64)
        times, values = times[pick], values[pick]
    first, second = np.triu_indices(len(times), 1)
    return float(np.median((values[second] - values[first]) / (times[second] - times[first])))


def _grows(values: Floats, steps: int) -> bool:
    """Whether the last steps grew materially and evenly."""
    stretch = values[-steps - 1 :]
    growth = float(stretch[-1] - stretch[0])
    if growth < max(LEAST_GROWTH, ROOM_TAKEN * (1.0 - float(stretch[0]))):
        return False
    climbs = np.diff(stretch)
    even = float(climbs.max()) <= (0.75 if steps == 2 else 0.6) * growth
    return even and float(np.mean(climbs > 0)) >= (1.0 if steps <= 3 else 0.65)


def _is_new(values: Floats, steps: int, usual_high: float | None) -> bool:
    """Whether the last steps led to a level, and went at a pace, not seen before."""
    before, value = values[: -steps - 1], float(values[-1])
    if len(before) >= max(steps, 8):
        highest = float(before.max())
        span = min(steps, len(before) - 1)
        earlier = float((before[span:] - before[:-span]).max())
        if value >= highest + NEWLY_HIGH and earlier <= 0.5 * (value - float(values[-steps - 1])):
            return True
    elif usual_high is not None:
        if value >= usual_high + NEWLY_HIGH:
            return True
        highest = usual_high
    else:
        return False
    return value >= LATE and steps >= 8 and value >= highest + NEWLY_HIGH_LATE


def _knee(times: Floats, values: Floats) -> int:
    """Where a stretch takes off: its point furthest below the chord, 0 where it is as good as straight.

    At least two steps remain after it.
    """
    chord = values[0] + (values[-1] - values[0]) * (times - times[0]) / (times[-1] - times[0])
    below = (chord - values)[:-2]
    furthest = int(np.argmax(below))
    return furthest if below[furthest] > 0.15 * (values[-1] - values[0]) else 0


class Trends:
    """The last samples of every series with a limit, by instance, and the trends in them.

    A trend is real when it grew materially, evenly (no single step carries it), to a level not seen
    before, at a pace not seen before, and leads to the limit within `horizon_s` and within twenty times
    the time it was watched. What rises and falls again, like memory between garbage collections, is none.
    """

    def __init__(self, horizon_s: float, width: int, max_rows: int) -> None:
        self._horizon_s = horizon_s
        self._width = width
        self._max_rows = max_rows
        self.refused = 0  # samples of series for which there was no room
        self._row_of: dict[tuple[int, int], int] = {}
        self._free: list[int] = []
        self._count: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._last: Floats = np.zeros(0)
        self._times: Floats = np.zeros((0, width))
        self._values: Floats = np.zeros((0, width))

    def __len__(self) -> int:
        return len(self._row_of)

    def add(
        self, slots: NDArray[np.int64], instances: NDArray[np.int64], times: Floats, shares: Floats
    ) -> Bools:
        """Keep samples (columns of equal length, `shares` of the limit); answers which deserve `rising`."""
        found = [self._row(s, i) for s, i in zip(slots.tolist(), instances.tolist(), strict=True)]
        at = np.array([-1 if row is None else row for row in found], dtype=np.int64)
        steep = np.zeros(len(at), dtype=np.bool_)
        kept = np.flatnonzero(at >= 0)
        for turn in rounds(at[kept]):
            index = kept[turn]
            row = at[index]
            fresh = times[index] > self._last[row]
            index, row = index[fresh], row[fresh]
            x, count = shares[index], self._count[row]
            place = count % self._width
            self._times[row, place], self._values[row, place] = times[index], x
            self._last[row] = times[index]
            self._count[row] = count + 1
            for steps, growth in STEPS_COMPARED:
                known = count >= steps
                before = self._values[row, (count - steps) % self._width]
                steep[index] |= known & (x - before > growth)
        return steep

    def rising(self, slot: int, instance: int, usual_high: float | None) -> Trend | None:
        """The trend of a series of one instance towards its limit, if it is real.

        `usual_high`: upper end of its usual values (share of the limit), for an instance that is new.
        """
        times, values = self._history(slot, instance)
        half = len(values) // 2
        if usual_high is None and half >= 12 and values[-1] < values[:half].max() + NEWLY_HIGH_LATE:
            return None
        for steps in SPANS:
            if len(values) <= steps:
                return None
            if _grows(values, steps) and _is_new(values, steps, usual_high):
                trend = self._trend(times[-steps - 1 :], values[-steps - 1 :])
                if trend is not None:
                    return trend
        return None

    def still_rising(self, slot: int, instance: int) -> bool:
        """Whether the last three steps went on towards the limit, new or not."""
        _, values = self._history(slot, instance)
        return (
            len(values) > 3 and float(values[-1] - values[-4]) > 0.03 and float(values[-1] - values[-2]) > 0
        )

    def forget_instance(self, instance: int) -> None:
        """A process started anew (or is gone): its memory of before means nothing for it."""
        for key in [key for key in self._row_of if key[1] == instance]:
            self._release(key)

    def forget_series(self, slots: frozenset[int]) -> None:
        """Forget what was seen of some series, as after an incident of theirs."""
        for key in [key for key in self._row_of if key[0] in slots]:
            self._release(key)

    def forget_before(self, time: float) -> None:
        """Make room: forget what has sent nothing since `time` (sender's clock)."""
        for key in [key for key, row in self._row_of.items() if self._last[row] < time]:
            self._release(key)

    def _trend(self, times: Floats, values: Floats) -> Trend | None:
        duration, steps = float(times[-1] - times[0]), len(values) - 1
        if duration <= 0:
            return None
        knee = _knee(times, values)
        slope = theil_sen(times[knee:], values[knee:])
        if slope <= 0:
            return None
        trend = Trend(float(values[knee]), float(values[-1]), slope, float(times[knee]), steps)
        soon = min(self._horizon_s, 20.0 * duration if steps > 2 else 15.0)
        return trend if trend.seconds_to_limit <= soon else None

    def _history(self, slot: int, instance: int) -> tuple[Floats, Floats]:
        row = self._row_of.get((slot, instance))
        if row is None:
            return np.zeros(0), np.zeros(0)
        count = int(self._count[row])
        if count <= self._width:
            return self._times[row, :count], self._values[row, :count]
        order = (np.arange(self._width) + count) % self._width
        return self._times[row, order], self._values[row, order]

    def _row(self, slot: int, instance: int) -> int | None:
        key = (slot, instance)
        row = self._row_of.get(key)
        if row is not None:
            return row
        if self._free:
            row = self._free.pop()
        elif len(self._row_of) < self._max_rows:
            row = len(self._row_of)
            self._grow(row + 1)
        else:
            self.refused += 1
            return None
        self._count[row] = 0
        self._last[row] = -np.inf
        self._row_of[key] = row
        return row

    def _release(self, key: tuple[int, int]) -> None:
        self._free.append(self._row_of.pop(key))

    def _grow(self, rows: int) -> None:
        self._count = grown(self._count, rows)
        self._last = grown(self._last, rows)
        if len(self._times) < len(self._last):
            room = np.zeros((len(self._last) - len(self._times), self._width))
            self._times = np.concatenate([self._times, room])
            self._values = np.concatenate([self._values, room])
