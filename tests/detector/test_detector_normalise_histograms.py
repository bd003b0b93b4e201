"""Histograms of all kinds: rate, mean and 95th percentile of what came since the last point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from normalised import Bench
from otlp_requests import T0, exponential_histogram, gauge, histogram, metrics_request, summary

from detector.normalise.decode import ExplicitBuckets, ExponentialBuckets
from detector.normalise.distribution import Observed, merged, quantile, since
from detector.series import Stat

BOUNDS = [0.1, 0.2, 0.4]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_cumulative_histogram_tells_of_the_interval_since_its_last_point(bench: Bench) -> None:
    assert bench.send(histogram("h", [10, 0, 0, 0], BOUNDS, 0.5, T0), at=T0) == {}
    sent = bench.send(histogram("h", [10, 0, 20, 0], BOUNDS, 6.5, T0 + 2), at=T0 + 2)
    assert sent == {"h:count_rate": [10.0], "h:mean": [0.3], "h:p95": [pytest.approx(0.39)]}


def test_nothing_observed_is_rate_zero_without_mean_and_p95(bench: Bench) -> None:
    bench.send(histogram("h", [10, 0, 0, 0], BOUNDS, 0.5, T0), at=T0)
    sent = bench.send(histogram("h", [10, 0, 0, 0], BOUNDS, 0.5, T0 + 1), at=T0 + 1)
    assert sent == {"h:count_rate": [0.0]}


def test_mean_and_p95_have_the_metrics_unit_and_the_rate_has_none(bench: Bench) -> None:
    bench.send(histogram("h", [1, 0, 0, 0], BOUNDS, 0.1, T0, start=T0 - 1, unit="ms"), at=T0)
    assert {key.stat: key.unit for key in bench.registry.keys} == {
        Stat.COUNT_RATE: "1",
        Stat.MEAN: "ms",
        Stat.P95: "ms",
    }


def test_time_spent_collecting_garbage_is_a_share_of_the_interval(bench: Bench) -> None:
    bench.send(histogram("jvm.gc.duration", [10, 0, 0, 0], BOUNDS, 0.5, T0, unit="s"), at=T0)
    sent = bench.send(histogram("jvm.gc.duration", [12, 0, 0, 2], BOUNDS, 1.5, T0 + 2, unit="s"), at=T0 + 2)
    assert sent["jvm.gc.duration:rate"] == [0.5]


def test_a_delta_histogram_tells_of_its_own_interval(bench: Bench) -> None:
    bench.send(histogram("h", [1, 0, 0, 0], BOUNDS, 0.1, T0, start=T0 - 1, delta=True), at=T0)
    sent = bench.send(histogram("h", [0, 4, 0, 0], BOUNDS, 0.6, T0 + 2, start=T0, delta=True), at=T0 + 2)
    assert sent == {"h:count_rate": [2.0], "h:mean": [0.15], "h:p95": [pytest.approx(0.195)]}


def test_a_silent_delta_histogram_is_zero_once_its_instance_exports_without_it(bench: Bench) -> None:
    bench.send(histogram("h", [1, 0, 0, 0], BOUNDS, 0.1, T0, start=T0 - 1, delta=True), at=T0)
    bench.send(gauge("up", 1, T0 + 1), at=T0 + 1)
    assert bench.send(gauge("up", 1, T0 + 2), at=T0 + 2)["h:count_rate"] == [0.0]


def test_the_maximum_bounds_the_p95(bench: Bench) -> None:
    bench.send(histogram("h", [0, 0, 0, 0], BOUNDS, 0.0, T0), at=T0)
    sent = bench.send(histogram("h", [0, 0, 0, 9], BOUNDS, 5.4, T0 + 1, low=0.6, high=0.6), at=T0 + 1)
    assert sent["h:p95"] == [0.6]


def test_the_overflow_bucket_without_a_maximum_answers_its_lower_bound(bench: Bench) -> None:
    bench.send(histogram("h", [0, 0, 0, 0], BOUNDS, 0.0, T0), at=T0)
    sent = bench.send(histogram("h", [0, 0, 0, 9], BOUNDS, 90.0, T0 + 1), at=T0 + 1)
    assert sent["h:p95"] == [0.4]


def test_a_maximum_of_long_ago_says_nothing_of_the_interval(bench: Bench) -> None:
    bench.send(histogram("h", [0, 0, 0, 9], BOUNDS, 90.0, T0, high=12.0), at=T0)
    sent = bench.send(histogram("h", [0, 0, 0, 18], BOUNDS, 96.0, T0 + 1, high=12.0), at=T0 + 1)
    assert sent["h:p95"] == [0.4]
    sent = bench.send(histogram("h", [0, 0, 0, 27], BOUNDS, 216.0, T0 + 2, high=14.0), at=T0 + 2)
    assert sent["h:p95"] == [pytest.approx(14.0, rel=0.1)]


def test_the_maximum_of_a_delta_is_that_of_its_interval(bench: Bench) -> None:
    def sent(total: float, highest: float, at: float) -> list[float]:
        point = histogram("h", [0, 0, 0, 9], BOUNDS, total, at, start=at - 1, delta=True, high=highest)
        return bench.send(point, at=at)["h:p95"]

    sent(45.0, 5.0, T0)
    assert sent(5.4, 0.6, T0 + 1)[0] <= 0.6


@pytest.mark.parametrize("low", [None, 0.001])
def test_a_bucket_much_wider_than_the_mean_gives_no_p95(bench: Bench, low: float | None) -> None:
    bounds = [0.0, 5.0, 10.0]
    bench.send(histogram("h", [0, 40, 0, 0], bounds, 0.8, T0, low=low, high=0.05), at=T0)
    sent = bench.send(histogram("h", [0, 80, 0, 0], bounds, 1.6, T0 + 1, low=low, high=0.05), at=T0 + 1)
    assert sent == {"h:count_rate": [40.0], "h:mean": [0.02]}
    sent = bench.send(histogram("h", [0, 120, 0, 0], bounds, 161.6, T0 + 2, low=low, high=4.4), at=T0 + 2)
    assert sent["h:p95"] == [pytest.approx(4.2, abs=0.3)]


def test_other_bounds_leave_count_and_mean(bench: Bench) -> None:
    bench.send(histogram("h", [10, 0, 0, 0], BOUNDS, 0.5, T0), at=T0)
    sent = bench.send(histogram("h", [10, 2], [1.0], 1.5, T0 + 1), at=T0 + 1)
    assert sent == {"h:count_rate": [2.0], "h:mean": [0.5]}


def test_a_reset_by_start_time_counts_from_zero(bench: Bench) -> None:
    bench.send(histogram("h", [10, 0, 0, 0], BOUNDS, 0.5, T0), at=T0)
    sent = bench.send(histogram("h", [0, 30, 0, 0], BOUNDS, 4.5, T0 + 2, start=T0 + 1), at=T0 + 2)
    assert sent["h:count_rate"] == [30.0]
    assert sent["h:mean"] == [0.15]


def test_a_falling_count_is_a_reset(bench: Bench) -> None:
    bench.send(histogram("h", [10, 0, 0, 0], BOUNDS, 0.5, T0), at=T0)
    sent = bench.send(histogram("h", [4, 0, 0, 0], BOUNDS, 0.2, T0 + 2), at=T0 + 2)
    assert sent["h:count_rate"] == [2.0]


def test_a_histogram_that_first_appears_on_a_known_instance_loses_nothing(bench: Bench) -> None:
    bench.send(gauge("up", 1, T0), at=T0)
    sent = bench.send(
        gauge("up", 1, T0 + 1), histogram("h", [0, 5, 0, 0], BOUNDS, 0.75, T0 + 1, start=T0 + 0.9), at=T0 + 1
    )
    assert (sent["h:count_rate"], sent["h:mean"]) == ([5.0], [0.15])


def test_a_histogram_without_sum_or_buckets_still_has_a_rate(bench: Bench) -> None:
    bench.send(histogram("h", [1], [], None, T0), at=T0)
    assert bench.send(histogram("h", [4], [], None, T0 + 1), at=T0 + 1) == {"h:count_rate": [3.0]}


def test_impossible_buckets_are_left_out_and_counted(bench: Bench) -> None:
    bench.send(histogram("h", [1, 2, 3], [1.0], 1.0, T0, start=T0 - 1), at=T0)
    assert bench.registry.keys == []
    assert bench.normaliser.counters["unusable_points"] == 1


def test_an_exponential_histogram_tells_of_the_interval(bench: Bench) -> None:
    first = exponential_histogram("h", [8], T0, offset=0, scale=0, total=12.0)
    bench.send(first, at=T0)
    second = exponential_histogram("h", [8, 0, 4], T0 + 2, offset=0, scale=0, total=36.0)
    sent = bench.send(second, at=T0 + 2)
    assert sent == {"h:count_rate": [2.0], "h:mean": [6.0], "h:p95": [pytest.approx(4 + 4 * 0.95)]}


def test_an_exponential_histogram_may_lower_its_scale(bench: Bench) -> None:
    bench.send(exponential_histogram("h", [1, 1, 1, 1], T0, offset=0, scale=1, total=4.0), at=T0)
    coarser = exponential_histogram("h", [2, 2, 6], T0 + 1, offset=0, scale=0, total=40.0)
    sent = bench.send(coarser, at=T0 + 1)
    assert sent == {"h:count_rate": [6.0], "h:mean": [6.0], "h:p95": [pytest.approx(4 + 4 * 0.95)]}


def test_zeros_and_negative_values_have_their_place() -> None:
    buckets = ExponentialBuckets(scale=0, zeros=5, positive={}, negative={0: 95})
    observed = Observed(100, -150.0, buckets, None, None)
    assert quantile(observed, 0.95) == -1.0
    assert quantile(observed, 0.99) == 0.0


def test_absurd_scales_leave_count_and_mean(bench: Bench) -> None:
    bench.send(exponential_histogram("h", [8], T0, offset=0, scale=99, total=8.0, start=T0 - 1), at=T0)
    assert {key.stat for key in bench.registry.keys} == {Stat.COUNT_RATE, Stat.MEAN}


def test_a_summary_gives_its_quantiles_and_the_rate_and_mean_of_its_count(bench: Bench) -> None:
    bench.send(summary("s", {0.99: 0.5}, 10, 1.0, T0), at=T0)
    sent = bench.send(summary("s", {0.99: 0.7}, 20, 4.0, T0 + 1), at=T0 + 1)
    assert sent == {"s{quantile=0.99}:value": [0.7], "s:count_rate": [10.0], "s:mean": [0.3]}


def test_histograms_that_fall_together_are_merged(bench: Bench) -> None:
    def sent(a: list[int], b: list[int], at: float) -> dict[str, list[float]]:
        one = histogram("h", a, BOUNDS, 0.05 * a[0], at, attributes={"client.port": 1})
        other = histogram("h", b, BOUNDS, 0.3 * b[2], at, attributes={"client.port": 2})
        one.histogram.data_points.extend(other.histogram.data_points)
        return bench.send(one, at=at)

    sent([0, 0, 0, 0], [0, 0, 0, 0], T0)
    merged_samples = sent([5, 0, 0, 0], [0, 0, 5, 0], T0 + 1)
    assert merged_samples["h:count_rate"] == [10.0]
    assert merged_samples["h:mean"] == [0.175]
    assert merged_samples["h:p95"] == [pytest.approx(0.38)]


def test_a_sample_carries_the_time_of_its_point(bench: Bench) -> None:
    request = metrics_request(histogram("h", [1, 0, 0, 0], BOUNDS, 0.1, T0 - 2, start=T0 - 3))
    assert set(bench.metrics(request, T0).samples.times.tolist()) == {T0 - 2}


counts = st.lists(st.integers(0, 1000), min_size=4, max_size=4)


@given(counts, counts)
def test_the_difference_of_two_points_is_what_was_added(before: list[int], added: list[int]) -> None:
    bounds = (1.0, 2.0, 3.0)
    first = Observed(sum(before), float(sum(before)), ExplicitBuckets(bounds, before), None, None)
    extra = Observed(sum(added), float(sum(added)), ExplicitBuckets(bounds, added), None, None)
    assert since(first, merged(first, extra)) == extra


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=200), st.integers(0, 5))
def test_the_exponential_p95_is_within_its_buckets_relative_width(values: list[float], scale: int) -> None:
    base = 2.0 ** (2.0**-scale)
    positive: dict[int, int] = {}
    for value in values:
        index = int(np.ceil(np.log(value) / np.log(base))) - 1
        positive[index] = positive.get(index, 0) + 1
    buckets = ExponentialBuckets(scale, 0, positive, {})
    estimate = quantile(Observed(len(values), sum(values), buckets, min(values), max(values)), 0.95)
    exact = float(np.quantile(values, 0.95, method="inverted_cdf"))
    assert estimate is not None
    assert exact / base * 0.999 <= estimate <= exact * base * 1.001
