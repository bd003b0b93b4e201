"""A run towards a limit is seen; what rises and falls, or moves once, is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.score.trend import Trends, theil_sen

ONE = np.array([0])


def first_trend(values, usual_high=None, start=0):
    """The first trend found in a series of one sample a second, and when."""
    trends = Trends(horizon_s=600.0, width=192, max_rows=10)
    for second, value in enumerate(values):
        steep = trends.add(ONE, ONE, np.array([float(second)]), np.array([float(value)]))
        if steep[0] and second >= start:
            trend = trends.rising(0, 0, usual_high)
            if trend is not None:
                return second, trend
    return None


def flat(level: float, seconds: int, noise: float = 0.0, seed: int = 1):
    return list(level + noise * np.random.default_rng(seed).standard_normal(seconds))


@pytest.mark.parametrize("slope", [0.1, 0.08, 0.02, 0.005, 0.003])
def test_a_rise_after_calm_is_seen_with_most_of_the_way_to_go(slope) -> None:
    steps = round(0.7 / slope)
    found = first_trend(flat(0.3, 110, 0.0025) + [0.3 + slope * n for n in range(1, steps)])
    assert found is not None
    at, trend = found
    assert (at - 109) * slope <= 0.25
    assert trend.slope == pytest.approx(slope, rel=0.25)
    assert trend.seconds_to_limit == pytest.approx((1 - trend.value) / slope, rel=0.3)


def test_a_disk_that_fills_within_three_seconds_is_seen_at_the_second() -> None:
    at, trend = first_trend([*flat(0.1, 30), 0.4, 0.7, 1.0])
    assert at == 31
    assert trend.seconds_to_limit < 2


@pytest.mark.parametrize("noise", [0.001, 0.005, 0.01])
@pytest.mark.parametrize("seed", range(3))
def test_a_calm_level_has_no_trend(noise, seed) -> None:
    assert first_trend(flat(0.5, 3000, noise, seed)) is None


@pytest.mark.parametrize("period", [9, 47, 130, 400])
def test_waves_of_garbage_collection_have_no_trend(period) -> None:
    wave = [0.3 + 0.45 * (t % period) / period for t in range(2000)]
    assert first_trend(wave) is None


def test_a_step_is_no_trend() -> None:
    assert first_trend(flat(0.3, 60) + flat(0.6, 60)) is None


def test_a_cache_that_fills_a_little_is_no_trend() -> None:
    warming = [0.3 + 0.12 * (1 - np.exp(-t / 30)) for t in range(300)]
    assert first_trend(flat(0.3, 100) + warming) is None


def test_a_new_process_that_grows_to_its_usual_size_has_no_trend() -> None:
    assert first_trend([min(0.3, 0.05 * t) for t in range(60)], usual_high=0.32) is None


def test_a_new_process_that_outgrows_its_forerunners_has_a_trend() -> None:
    assert first_trend([min(1.0, 0.05 * t) for t in range(60)], usual_high=0.32) is not None


def test_late_samples_are_left_out() -> None:
    trends = Trends(horizon_s=600.0, width=8, max_rows=10)
    for time in (5.0, 3.0, 5.0):
        trends.add(ONE, ONE, np.array([time]), np.array([0.5]))
    assert trends.rising(0, 0, 0.1) is None


def test_rows_are_bounded_and_used_again() -> None:
    trends = Trends(horizon_s=600.0, width=8, max_rows=3)
    for slot in range(9):
        trends.add(np.array([slot]), ONE, np.array([float(slot)]), np.array([0.5]))
    assert (len(trends), trends.refused) == (3, 6)
    trends.forget_before(100.0)
    trends.add(np.array([8]), ONE, np.array([200.0]), np.array([0.5]))
    assert len(trends) == 1


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e9, 1e9)), max_size=80))
@settings(max_examples=60, deadline=None)
def test_any_samples_are_survived(samples) -> None:
    trends = Trends(horizon_s=600.0, width=32, max_rows=4)
    for time, value in samples:
        trends.add(ONE, ONE, np.array([time]), np.array([value]))
        trend = trends.rising(0, 0, 0.5)
        assert trend is None or np.isfinite([trend.slope, trend.seconds_to_limit]).all()


def test_the_slope_withstands_wild_points() -> None:
    times = np.arange(20.0)
    values = 0.5 * times
    values[[3, 11, 17]] = 1e6
    assert theil_sen(times, values) == pytest.approx(0.5, rel=0.1)
