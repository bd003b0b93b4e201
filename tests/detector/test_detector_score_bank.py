"""The vectorised baseline equals river's models, sample by sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.stats import EWMean, Mean, Var

from detector.score.bank import BaselineBank, rounds

FADING = 0.1
VALUES = st.floats(-1e6, 1e6, allow_nan=False)


class RiverBaseline:
    """Mean and Var while all weigh alike, then EWMean of x and of x squared (what EWVar is made of)."""

    def __init__(self, fading: float) -> None:
        self.alike = round(1 / fading)
        self.count = 0
        self.mean, self.variance = Mean(), Var(ddof=0)
        self.faded, self.faded_square = EWMean(fading), EWMean(fading)

    def update(self, x: float) -> None:
        self.count += 1
        if self.count <= self.alike:
            self.mean.update(x)
            self.variance.update(x)
            if self.count == self.alike:
                self.faded.update(self.mean.get())
                self.faded_square.update(self.variance.get() + self.mean.get() ** 2)
            return
        self.faded.update(x)
        self.faded_square.update(x * x)

    @property
    def state(self) -> tuple[float, float]:
        if self.count <= self.alike:
            return self.mean.get(), self.variance.get()
        return self.faded.get(), self.faded_square.get() - self.faded.get() ** 2


@given(st.lists(st.tuples(st.integers(0, 3), VALUES), min_size=1, max_size=120))
@settings(max_examples=60, deadline=None)
def test_it_equals_river_for_any_interleaving_of_series_in_one_batch(samples) -> None:
    bank = BaselineBank(FADING, warm_up=5)
    bank.grow(4)
    slots = np.array([slot for slot, _ in samples])
    values = np.array([value for _, value in samples])
    for rows in rounds(slots):
        bank.learn(slots[rows], values[rows])
    river = [RiverBaseline(FADING) for _ in range(4)]
    for slot, value in samples:
        river[slot].update(value)
    scale = float(np.abs(values).max()) + 1.0
    for slot, reference in enumerate(river):
        if reference.count:
            mean, variance = reference.state
            assert bank.mean[slot] == pytest.approx(mean, rel=1e-9, abs=1e-9 * scale)
            assert bank.variance[slot] == pytest.approx(variance, rel=1e-6, abs=1e-9 * scale * scale)
            assert bank.count[slot] == reference.count


@given(st.lists(st.integers(0, 5), max_size=60))
def test_rounds_hold_each_row_once_each_slot_once_and_keep_the_order(slots) -> None:
    column = np.array(slots, dtype=np.int64)
    seen: list[int] = []
    last: dict[int, int] = {}
    for rows in rounds(column):
        assert len(set(column[rows].tolist())) == len(rows)
        for row in rows.tolist():
            assert last.get(slots[row], -1) < row
            last[slots[row]] = row
        seen += rows.tolist()
    assert sorted(seen) == list(range(len(slots)))


def test_it_is_not_ready_before_it_has_warmed_up() -> None:
    bank = BaselineBank(FADING, warm_up=3)
    bank.grow(1)
    slot = np.array([0])
    for _ in range(2):
        bank.learn(slot, np.array([1.0]))
    assert not bank.ready(slot)[0]
    bank.learn(slot, np.array([1.0]))
    assert bank.ready(slot)[0]
