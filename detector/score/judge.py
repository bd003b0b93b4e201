"""Says of each sample of a batch whether it is in its series' normal range. Score, decide, then learn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.classify.meaning import Meaning, Signal
from detector.score.bank import LARGEST, BaselineBank, Bools, Floats, Slots, grown, rounds
from detector.series import Samples

UP, DOWN = 1, -1

SIGNALS = tuple(Signal)
SIGNAL_NUMBER = {signal: number for number, signal in enumerate(SIGNALS)}


@dataclass(frozen=True, slots=True)
class Range:
    """Normal range of one series now. None: no bound on that side, as that way is not bad."""

    mean: float
    deviation: float
    low: float | None
    high: float | None
    ready: bool

    def contains(self, value: float) -> bool:
        """Whether `value` is normal; everything is while the baseline is not ready."""
        if not self.ready:
            return True
        return (self.high is None or value <= self.high) and (self.low is None or value >= self.low)

    def distance(self, value: float) -> float:
        """Distance from the mean in standard deviations."""
        return abs(value - self.mean) / self.deviation if self.ready else 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """`rows`: those of a batch worth a second look, in its order. `outside`, `excused` and `telling`
    [n of the batch]: outside the range, whether that is excused as its instance is starting up, and so
    far above the usual that it may explain what is outside elsewhere.
    """

    rows: NDArray[np.int64]
    outside: Bools
    excused: Bools
    telling: Bools


class SeriesJudge:
    """Judges samples against the baseline of their series, a batch at a time.

    A sample is outside when it is far (more than `bar` standard deviations from the mean, or above the
    meaning's `excusable`), and material: past its `min_change`, `min_ratio` and `comfortable`.
    What is outside is not learned, nor is what comes while its service is `paused` (an open incident) or its
    instance is starting up, nor what is telling, until it has lasted so long that the series is `accustomed`
    to it.
    A series that is not ready yet is never outside.
    """

    def __init__(self, bank: BaselineBank, bar: float) -> None:
        self.bank = bank
        self.bar = bar
        self.watched: Bools = np.zeros(0, dtype=np.bool_)
        self.last_value: Floats = np.zeros(0)
        self.last_seen: Floats = np.zeros(0)
        self.service: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.signal: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.limit: Floats = np.zeros(0)  # 0: none
        self._judged: Bools = np.zeros(0, dtype=np.bool_)
        self._start_up: Bools = np.zeros(0, dtype=np.bool_)
        self._up: Bools = np.zeros(0, dtype=np.bool_)
        self._down: Bools = np.zeros(0, dtype=np.bool_)
        self._floor: Floats = np.zeros(0)
        self._min_change: Floats = np.zeros(0)
        self._up_ratio: Floats = np.zeros(0)
        self._down_ratio: Floats = np.zeros(0)
        self._comfortable: Floats = np.zeros(0)
        self._excusable: Floats = np.zeros(0)
        self._telling_from: Floats = np.zeros(0)
        self._telling_ratio: Floats = np.zeros(0)
        self.accustomed: Bools = np.zeros(0, dtype=np.bool_)
        self.paused: Bools = np.zeros(0, dtype=np.bool_)
        self.worst_z: Floats = np.zeros((0, len(SIGNALS)))

    def grow(self, series: int) -> None:
        """Make room for series slots below `series`."""
        self.bank.grow(series)
        for name in (
            "watched", "last_value", "last_seen", "service", "signal", "limit", "_judged", "_start_up",
            "_up", "_down", "_floor", "_min_change", "_up_ratio", "_down_ratio", "_comfortable", "_excusable",
            "_telling_from", "_telling_ratio", "accustomed",
        ):  # fmt: skip
            setattr(self, name, grown(getattr(self, name), series))

    def grow_services(self, services: int) -> None:
        """Make room for service numbers below `services`."""
        self.paused = grown(self.paused, services)
        if len(self.worst_z) < services:
            larger = np.zeros((max(services, 2 * len(self.worst_z), 16), len(SIGNALS)))
            larger[: len(self.worst_z)] = self.worst_z
            self.worst_z = larger

    def admit(self, slot: int, service: int, meaning: Meaning, start_up: bool) -> None:
        """Set how the series in `slot` is judged. `start_up`: its samples from a starting process count."""
        self.service[slot] = service
        self.signal[slot] = SIGNAL_NUMBER[meaning.signal]
        self.limit[slot] = meaning.limit or 0.0
        self._judged[slot] = meaning.judged
        self._start_up[slot] = start_up
        self._up[slot] = meaning.up_is_bad
        self._down[slot] = meaning.down_is_bad
        self._floor[slot] = meaning.min_change / self.bar
        self._min_change[slot] = meaning.min_change
        self._up_ratio[slot] = meaning.min_ratio - 1.0
        self._down_ratio[slot] = 1.0 - 1.0 / meaning.min_ratio
        self._comfortable[slot] = -np.inf if meaning.comfortable is None else meaning.comfortable
        self._excusable[slot] = np.inf if meaning.excusable is None else meaning.excusable
        self._telling_from[slot] = np.inf if meaning.telling_from is None else meaning.telling_from
        self._telling_ratio[slot] = meaning.telling_ratio

    def judge(self, samples: Samples, now: float, starting: Bools) -> Judged:
        """Judge and learn a batch. `starting` [n]: the sample's instance is still starting up."""
        values = np.clip(samples.values, -LARGEST, LARGEST)
        slots = samples.series
        muted = starting & ~self._start_up[slots]
        self.last_value[slots] = values
        self.last_seen[slots] = now
        outside = np.zeros(len(slots), dtype=np.bool_)
        telling = np.zeros(len(slots), dtype=np.bool_)
        for rows in rounds(slots):
            at, x = slots[rows], values[rows]
            outside[rows], z = self._outside(at, x)
            telling[rows] = self._telling(at, x) & ~muted[rows]
            held = telling[rows] & ~self.accustomed[at]
            learn = ~(outside[rows] | held | muted[rows] | self.paused[self.service[at]])
            self.bank.learn(at[learn], x[learn])
            np.maximum.at(self.worst_z, (self.service[at], self.signal[at]), z)
        excused = outside & muted
        looked_at = self.watched[slots] | (outside & ~muted) | telling
        return Judged(np.flatnonzero(looked_at), outside, excused, telling)

    def range_of(self, slot: int) -> Range:
        """The normal range of one series now."""
        at = np.array([slot])
        low, high, deviation = self._bounds(at)
        return Range(
            mean=float(self.bank.mean[slot]),
            deviation=float(deviation[0]),
            low=float(low[0]) if self._down[slot] else None,
            high=float(high[0]) if self._up[slot] else None,
            ready=bool(self.bank.count[slot] >= self.bank.warm_up),
        )

    def learn_one(self, slot: int, value: float) -> None:
        """Take one value, cut to the edge of the normal range, into a baseline (a lone outlier's share)."""
        bounds = self.range_of(slot)
        if bounds.high is not None:
            value = min(value, bounds.high)
        if bounds.low is not None:
            value = max(value, bounds.low)
        self.bank.learn(np.array([slot]), np.array([value]))

    def _outside(self, at: Slots, x: Floats) -> tuple[Bools, Floats]:
        low, high, deviation = self._bounds(at)
        ready = self.bank.ready(at) & self._judged[at]
        outside: Bools = ready & ((self._up[at] & (x > high)) | (self._down[at] & (x < low)))
        return outside, np.where(ready, np.abs(x - self.bank.mean[at]) / deviation, 0.0)

    def _telling(self, at: Slots, x: Floats) -> Bools:
        mean = self.bank.mean[at]
        usual = np.maximum(self._telling_ratio[at] * mean, mean + self.bar * np.sqrt(self.bank.variance[at]))
        ready = self.bank.ready(at) & self._judged[at]
        telling: Bools = ready & (x >= self._telling_from[at]) & (x >= usual)
        return telling

    def _bounds(self, at: Slots) -> tuple[Floats, Floats, Floats]:
        mean = self.bank.mean[at]
        size = np.abs(mean)
        floor = self._floor[at] + 0.02 * size + 1e-12
        deviation = np.sqrt(self.bank.variance[at] + floor * floor)
        far = np.maximum(self.bar * deviation, self._min_change[at])
        material = np.maximum(self._min_change[at], self._up_ratio[at] * size)
        spread = np.minimum(mean + far, self._excusable[at])
        high = np.maximum(np.maximum(spread, mean + material), self._comfortable[at])
        low = mean - np.maximum(far, self._down_ratio[at] * size)
        return low, high, deviation
