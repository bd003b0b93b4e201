"""Baselines of all series at once: exponentially weighted mean and variance in columns of numpy arrays."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

T = TypeVar("T", bound=np.generic)

LARGEST = 1e100
"""Values beyond this (either sign) are taken as this, so that squares stay finite."""


def grown(column: NDArray[T], size: int) -> NDArray[T]:
    """`column` with room for `size` rows or more, new rows zero; itself when it is large enough."""
    if len(column) >= size:
        return column
    larger = np.zeros(max(size, 2 * len(column), 64), dtype=column.dtype)
    larger[: len(column)] = column
    return larger


def rounds(slots: Slots) -> Iterator[Slots]:
    """Row numbers of a batch in rounds: within a round every slot is there once, rounds are in row order.

    A column can then be updated with one vectorised assignment a round although slots repeat in the batch.
    """
    order = np.argsort(slots, kind="stable")
    ordered = slots[order]
    new = np.empty(len(ordered), dtype=np.bool_)
    new[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    if new.all():
        yield np.arange(len(slots))
        return
    starts = np.flatnonzero(new)
    lengths = np.diff(np.append(starts, len(ordered)))
    rank = np.arange(len(ordered)) - np.repeat(starts, lengths)
    by_rank = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank))
    for begin, end in zip(np.append(0, ends[:-1]), ends, strict=True):
        yield order[by_rank[begin:end]]


class BaselineBank:
    """Mean and variance of every series, faded exponentially (Finch 2009, "Incremental calculation of
    weighted mean and variance"), kept in columns indexed by slot.

    Until a series has 1/`fading` samples they weigh alike (plain mean and population variance, as
    `river.stats.Mean` and `river.stats.Var(ddof=0)`), so that a first odd sample does not colour the
    baseline for long; from then on it is `river.stats.EWMean` and `EWVar` with `fading_factor=fading`.
    """

    def __init__(self, fading: float, warm_up: int) -> None:
        self.fading = fading
        self.warm_up = warm_up
        self.mean: Floats = np.zeros(0)
        self.variance: Floats = np.zeros(0)
        self.count: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def grow(self, size: int) -> None:
        """Make room for slots below `size`."""
        self.mean = grown(self.mean, size)
        self.variance = grown(self.variance, size)
        self.count = grown(self.count, size)

    def ready(self, slots: Slots) -> Bools:
        """Which of the series have learned enough to be judged by: [n] bool."""
        ready: Bools = self.count[slots] >= self.warm_up
        return ready

    def learn(self, slots: Slots, values: Floats) -> None:
        """Take one sample into each baseline; every slot at most once (see `rounds`)."""
        count = self.count[slots] + 1
        weight = np.maximum(self.fading, 1.0 / count)
        difference = values - self.mean[slots]
        step = weight * difference
        self.variance[slots] = (1.0 - weight) * (self.variance[slots] + difference * step)
        self.mean[slots] += step
        self.count[slots] = count

    def replace(self, slot: int, mean: float, variance: float, count: int) -> None:
        """Start a baseline afresh at a level known otherwise."""
        self.mean[slot] = mean
        self.variance[slot] = max(variance, 0.0)
        self.count[slot] = count
