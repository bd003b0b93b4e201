"""Outside needs to be far and material; what is outside is not learned."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.classify.meaning import Meaning, Signal
from detector.score.bank import BaselineBank
from detector.score.judge import SeriesJudge
from detector.series import Samples

CPU = Meaning(
    signal=Signal.CPU,
    up_is_bad=True,
    down_is_bad=False,
    weight=1.0,
    sustain=2,
    min_change=0.2,
    min_ratio=1.7,
    comfortable=0.45,
    limit=None,
    host_wide=False,
    absolute=False,
    starts_at_zero=False,
)


def judge_of(meaning: Meaning, level: float = 0.1) -> SeriesJudge:
    judge = SeriesJudge(BaselineBank(0.02, warm_up=10), bar=4.0)
    judge.grow(1)
    judge.grow_services(1)
    judge.admit(0, 0, meaning, start_up=False)
    for n in range(20):
        look(judge, level * (1.01 if n % 2 else 0.99))
    return judge


def look(judge: SeriesJudge, *values: float, starting: bool = False) -> list[bool]:
    n = len(values)
    zeros = np.zeros(n, dtype=np.int64)
    samples = Samples(zeros, zeros, np.arange(n, dtype=np.float64), np.array(values))
    return judge.judge(samples, 0.0, np.full(n, starting)).outside.tolist()


@pytest.mark.parametrize(
    ("meaning", "value", "outside"),
    [
        (CPU, 1.0, True),
        (CPU, 0.44, False),  # far from usual, still comfortable
        (replace(CPU, comfortable=None), 0.29, False),  # too small a change
        (replace(CPU, comfortable=None), 0.4, True),
        (replace(CPU, comfortable=None, min_ratio=5.0), 0.4, False),  # too small a ratio
        (CPU, 0.0, False),  # down is not bad
        (replace(CPU, down_is_bad=True, min_change=0.05, min_ratio=2.0), 0.01, True),
        (replace(CPU, weight=0.0), 1.0, False),  # not a symptom
        (replace(CPU, weight=0.0, signal=Signal.REQUEST_RATE), 1.0, True),
    ],
)
def test_a_value_is_outside_when_it_is_far_and_material(meaning, value, outside) -> None:
    assert look(judge_of(meaning), value) == [outside]


def test_what_is_excusable_bounds_how_far_wild_values_widen_the_range() -> None:
    judge = judge_of(replace(CPU, excusable=0.8))
    for value in (0.05, 0.45) * 20:
        look(judge, value)
    assert look(judge, 0.79, 0.81) == [False, True]


def test_a_series_that_is_not_ready_is_never_outside() -> None:
    judge = SeriesJudge(BaselineBank(0.02, warm_up=10), bar=4.0)
    judge.grow(1)
    judge.grow_services(1)
    judge.admit(0, 0, CPU, start_up=False)
    assert look(judge, *[0.1] * 9, 1.0) == [False] * 10
    assert not judge.range_of(0).ready or judge.bank.count[0] == 10


def test_what_is_outside_is_not_learned() -> None:
    judge = judge_of(CPU)
    before = judge.bank.mean[0], judge.bank.variance[0]
    assert all(look(judge, *[1.0] * 50))
    assert (judge.bank.mean[0], judge.bank.variance[0]) == before


def test_nothing_is_learned_while_the_service_is_paused() -> None:
    judge = judge_of(CPU)
    judge.paused[0] = True
    before = judge.bank.mean[0]
    look(judge, 0.3, 0.3)
    assert judge.bank.mean[0] == before


def test_a_start_up_is_excused_and_not_learned() -> None:
    judge = judge_of(CPU)
    before = judge.bank.mean[0]
    assert look(judge, 1.0, 0.3, starting=True) == [True, False]
    assert judge.bank.mean[0] == before
    zeros = np.zeros(1, dtype=np.int64)
    judged = judge.judge(Samples(zeros, zeros, np.zeros(1), np.ones(1)), 0.0, np.array([True]))
    assert judged.rows.tolist() == []
    assert judged.excused.tolist() == [True]


def test_samples_of_one_series_in_one_batch_are_judged_in_order() -> None:
    one, many = judge_of(CPU), judge_of(CPU)
    values = [0.11, 1.0, 0.09, 0.12, 0.9]
    assert look(many, *values) == [look(one, value)[0] for value in values]
    assert many.bank.mean[0] == one.bank.mean[0]
    assert many.bank.variance[0] == one.bank.variance[0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_ranges_stay_finite_for_any_finite_values(values) -> None:
    judge = judge_of(replace(CPU, comfortable=None, down_is_bad=True))
    look(judge, *values)
    normal = judge.range_of(0)
    assert np.isfinite([normal.mean, normal.deviation, normal.low, normal.high]).all()
    assert normal.low <= normal.mean <= normal.high
