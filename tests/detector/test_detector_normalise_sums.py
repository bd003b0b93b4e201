"""Gauges and sums: what stays a value, what becomes a rate, and what is done with ugly points."""

import math

import pytest
from normalised import Bench
from otlp_requests import T0, counter, gauge, metrics_request, number_point, resource

from detector.normalise import Normaliser
from detector.series import Origin, SeriesKey, SeriesRegistry, ServiceId, Stat

START = T0 - 3600


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_gauge_is_a_value(bench: Bench) -> None:
    assert bench.send(gauge("queue.length", 7, T0), at=T0) == {"queue.length:value": [7.0]}


def test_a_series_is_named_by_service_metric_unit_and_sorted_attributes(bench: Bench) -> None:
    bench.send(
        gauge("pool", 1.0, T0, unit="{connection}", attributes={"b": True, "a": 1}),
        at=T0,
        of=resource("shop", "shop-1", "eu"),
    )
    assert bench.registry.keys == [
        SeriesKey(
            ServiceId("eu", "shop"),
            "pool",
            Stat.VALUE,
            "{connection}",
            Origin.METRIC,
            (("a", "1"), ("b", "true")),
        )
    ]


def test_replicas_share_a_series_and_are_told_apart_by_instance(bench: Bench) -> None:
    for name in ("shop-1", "shop-2"):
        bench.send(gauge("m", 1.0, T0), at=T0, of=resource(instance=name))
    assert len(bench.registry.keys) == 1
    assert [instance.name for instance in bench.registry.instances] == ["shop-1", "shop-2"]


def test_two_spellings_of_the_same_attributes_meet_in_one_series(bench: Bench) -> None:
    bench.send(gauge("m", 1.0, T0, attributes={"a": "1", "b": "2"}), at=T0)
    bench.send(gauge("m", 1.0, T0 + 1, attributes={"b": "2", "a": "1"}), at=T0 + 1)
    assert len(bench.registry.keys) == 1


def test_a_sample_carries_the_time_of_its_point(bench: Bench) -> None:
    samples = bench.metrics(metrics_request(gauge("m", 1.0, T0 - 2)), T0).samples
    assert samples.times == pytest.approx([T0 - 2])


@pytest.mark.parametrize("sent", [0.0, 1000.0, T0 - 3600, T0 + 3600, 4_102_444_800.0])
def test_a_time_far_from_the_receipt_is_replaced_by_it(bench: Bench, sent: float) -> None:
    samples = bench.metrics(metrics_request(gauge("m", 1.0, sent)), T0).samples
    assert samples.times == pytest.approx([T0])


def test_a_cumulative_counter_is_a_rate_per_second(bench: Bench) -> None:
    assert bench.send(counter("hits", 100, T0), at=T0) == {}
    assert bench.send(counter("hits", 130, T0 + 2), at=T0 + 2) == {"hits:rate": [15.0]}
    assert bench.send(counter("hits", 130, T0 + 3), at=T0 + 3) == {"hits:rate": [0.0]}


def test_rates_are_taken_from_the_senders_times_even_when_its_clock_is_wrong(bench: Bench) -> None:
    bench.send(counter("hits", 100, 1000.0, start=1.0), at=T0)
    assert bench.send(counter("hits", 110, 1002.0, start=1.0), at=T0 + 7) == {"hits:rate": [5.0]}


def test_a_delta_counter_is_a_rate_over_its_own_interval(bench: Bench) -> None:
    bench.send(counter("hits", 3, T0, start=T0 - 1, delta=True), at=T0)
    assert bench.send(counter("hits", 8, T0 + 2, start=T0, delta=True), at=T0 + 2) == {"hits:rate": [4.0]}


def test_a_silent_delta_counter_is_zero_once_its_instance_exports_without_it(bench: Bench) -> None:
    bench.send(gauge("up", 1, T0), counter("hits", 3, T0, start=T0 - 1, delta=True), at=T0)
    bench.send(gauge("up", 1, T0 + 1), at=T0 + 1)
    assert bench.send(gauge("up", 1, T0 + 2), at=T0 + 2) == {"up:value": [1.0], "hits:rate": [0.0]}


def test_a_non_monotonic_sum_is_a_value(bench: Bench) -> None:
    assert bench.send(counter("active", 4, T0, monotonic=False), at=T0) == {"active:value": [4.0]}
    assert bench.send(counter("active", 3, T0 + 1, monotonic=False), at=T0 + 1) == {"active:value": [3.0]}


def test_a_non_monotonic_delta_sum_is_added_up(bench: Bench) -> None:
    sent = [
        bench.send(
            counter("active", change, T0 + i, start=T0 + i - 1, monotonic=False, delta=True), at=T0 + i
        )
        for i, change in enumerate([4, -1, 2])
    ]
    assert sent == [{"active:value": [4.0]}, {"active:value": [3.0]}, {"active:value": [5.0]}]


def test_a_counter_with_a_later_start_was_reset(bench: Bench) -> None:
    bench.send(counter("hits", 100, T0), at=T0)
    bench.send(counter("hits", 110, T0 + 1), at=T0 + 1)
    rates = bench.send(counter("hits", 200, T0 + 3, start=T0 + 1.5), at=T0 + 3)
    assert rates == {"hits:rate": [pytest.approx(200 / 1.5, abs=1e-3)]}


def test_a_start_time_just_before_the_point_does_not_make_a_giant_of_the_rate(bench: Bench) -> None:
    bench.send(counter("hits", 100, T0), at=T0)
    bench.send(counter("hits", 110, T0 + 1), at=T0 + 1)
    assert bench.send(counter("hits", 5, T0 + 2, start=T0 + 1.999), at=T0 + 2) == {"hits:rate": [5.0]}


def test_a_falling_counter_was_reset(bench: Bench) -> None:
    bench.send(counter("hits", 100, T0), at=T0)
    assert bench.send(counter("hits", 6, T0 + 2), at=T0 + 2) == {"hits:rate": [3.0]}


def test_a_counter_that_first_appears_on_a_known_instance_loses_nothing(bench: Bench) -> None:
    bench.send(gauge("up", 1, T0), at=T0)
    rates = bench.send(counter("timeouts", 5, T0 + 1, start=T0 + 0.9), gauge("up", 1, T0 + 1), at=T0 + 1)
    assert rates["timeouts:rate"] == [5.0]


def test_a_new_attribute_set_counts_from_the_start_of_its_process(bench: Bench) -> None:
    bench.send(counter("hits", 10, T0, start=START, attributes={"code": "200"}), at=T0)
    rates = bench.send(
        counter("hits", 12, T0 + 1, start=START, attributes={"code": "200"}),
        counter("hits", 3, T0 + 1, start=START, attributes={"code": "500"}),
        at=T0 + 1,
    )
    assert rates == {"hits{code=200}:rate": [2.0], "hits{code=500}:rate": [3.0]}


def test_the_first_point_of_an_old_unwatched_or_startless_counter_only_sets_the_mark(bench: Bench) -> None:
    assert bench.send(counter("old", 10**9, T0, start=START), at=T0) == {}
    assert bench.send(counter("startless", 10**9, T0 + 1, start=0.0), at=T0 + 1) == {}


def test_the_first_point_of_a_young_instance_counts_since_its_start(bench: Bench) -> None:
    assert bench.send(counter("hits", 20, T0, start=T0 - 4), at=T0) == {"hits:rate": [5.0]}


def test_duplicates_are_ignored(bench: Bench) -> None:
    bench.send(counter("hits", 100, T0), gauge("m", 1.0, T0), at=T0)
    assert bench.send(counter("hits", 100, T0), gauge("m", 1.0, T0), at=T0 + 1) == {}
    assert bench.send(counter("hits", 104, T0 + 2), at=T0 + 2) == {"hits:rate": [2.0]}


def test_late_points_are_dropped(bench: Bench) -> None:
    bench.send(counter("hits", 100, T0), gauge("m", 1.0, T0), at=T0)
    assert bench.send(counter("hits", 90, T0 - 1), gauge("m", 9.0, T0 - 1), at=T0) == {}
    assert bench.send(counter("hits", 104, T0 + 2), at=T0 + 2) == {"hits:rate": [2.0]}


def test_a_clock_that_was_set_back_is_followed_after_three_points(bench: Bench) -> None:
    bench.send(gauge("m", 1.0, T0), at=T0)
    sent = [bench.send(gauge("m", 1.0, T0 - 50 + i), at=T0 + i) for i in range(1, 5)]
    assert sent == [{}, {}, {"m:value": [1.0]}, {"m:value": [1.0]}]


def test_of_two_copies_with_one_identity_the_younger_is_believed(bench: Bench) -> None:
    bench.send(counter("hits", 1000, T0), at=T0)
    bench.send(counter("hits", 2, T0 + 1, start=T0 + 0.5), at=T0 + 1)
    assert bench.send(counter("hits", 1010, T0 + 1.5), at=T0 + 1.5) == {}
    assert bench.send(counter("hits", 4, T0 + 2, start=T0 + 0.5), at=T0 + 2) == {"hits:rate": [2.0]}


def test_two_exports_in_a_moment_make_no_giant_rate_and_lose_nothing(bench: Bench) -> None:
    bench.send(counter("hits", 100, T0), at=T0)
    assert bench.send(counter("hits", 101, T0 + 0.001), at=T0) == {}
    assert bench.send(counter("hits", 102, T0 + 1), at=T0 + 1) == {"hits:rate": [2.0]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_points_without_a_finite_value_are_left_out_and_counted(bench: Bench, value: float | None) -> None:
    bench.send(counter("hits", 100, T0), at=T0)
    assert bench.send(gauge("m", value, T0 + 1), counter("hits", value, T0 + 1), at=T0 + 1) == {}
    assert bench.send(counter("hits", 104, T0 + 2), at=T0 + 2) == {"hits:rate": [2.0]}
    assert bench.normaliser.counters["unusable_points"] == 2


def test_a_point_flagged_as_not_recorded_is_left_out(bench: Bench) -> None:
    assert bench.send(gauge("m", 0.0, T0, flags=1), at=T0) == {}


def test_a_decreasing_monotonic_counter_below_zero_gives_no_rate(bench: Bench) -> None:
    bench.send(counter("hits", -5, T0), at=T0)
    assert bench.send(counter("hits", -10, T0 + 1), at=T0 + 1) == {}


def test_unbounded_attributes_are_taken_off_and_their_sums_added(bench: Bench) -> None:
    def sent(a: int, b: int, at: float) -> dict[str, list[float]]:
        hits = counter("hits", a, at, attributes={"thread.id": 1, "route": "/"})
        hits.sum.data_points.append(number_point(b, at, START, {"thread.id": 2, "route": "/"}))
        return bench.send(hits, at=at)

    sent(10, 20, T0)
    assert sent(11, 22, T0 + 1) == {"hits{route=/}:rate": [3.0]}


def test_of_gauges_that_fall_together_the_highest_counts(bench: Bench) -> None:
    lag = gauge("lag", 3.0, T0, attributes={"user.id": "a"})
    lag.gauge.data_points.append(number_point(9.0, T0, attributes={"user.id": "b"}))
    assert bench.send(lag, at=T0) == {"lag:value": [9.0]}


def test_attribute_sets_past_the_limit_fall_together_and_are_counted() -> None:
    registry = SeriesRegistry()
    bench = Bench(Normaliser(registry, max_attribute_sets=2), registry)
    hits = counter("hits", 1, T0, attributes={"shard": "0"}, monotonic=False)
    for i in range(1, 5):
        hits.sum.data_points.append(number_point(1, T0, attributes={"shard": f"{i}"}))
    assert bench.send(hits, at=T0) == {
        "hits{shard=0}:value": [1.0],
        "hits{shard=1}:value": [1.0],
        "hits{otel.metric.overflow=true}:value": [3.0],
    }
    assert len(registry.keys) == 3
    assert bench.normaliser.counters["overflowed_attribute_sets"] == 3


def test_streams_past_the_limit_are_dropped_and_counted() -> None:
    registry = SeriesRegistry()
    bench = Bench(Normaliser(registry, max_streams=2), registry)
    bench.send(*(gauge(f"m{i}", 1.0, T0) for i in range(5)), at=T0)
    assert len(registry.keys) == 2
    assert bench.normaliser.counters["dropped_points"] == 3


def test_a_full_registry_costs_only_the_samples_it_refuses() -> None:
    registry = SeriesRegistry(max_series=1)
    bench = Bench(Normaliser(registry), registry)
    assert bench.send(gauge("a", 1.0, T0), gauge("b", 1.0, T0), at=T0) == {"a:value": [1.0]}


def test_an_instance_unheard_for_long_starts_anew() -> None:
    registry = SeriesRegistry()
    bench = Bench(Normaliser(registry, forget_after_s=60), registry)
    bench.send(counter("hits", 100, T0), at=T0)
    bench.flush(T0 + 100)
    assert bench.send(counter("hits", 200, T0 + 101), at=T0 + 101) == {}
    assert bench.send(counter("hits", 201, T0 + 102), at=T0 + 102) == {"hits:rate": [1.0]}


@pytest.mark.parametrize("state", ["cpu.mode", "state", "type"])
def test_a_processs_cpu_time_is_the_sum_of_its_modes(bench: Bench, state: str) -> None:
    def sent(user: float, system: float, wait: float, at: float) -> dict[str, list[float]]:
        used, *others = (
            counter("process.cpu.time", value, at, start=START, unit="s", attributes={state: mode})
            for mode, value in (("user", user), ("system", system), ("wait", wait))
        )
        for other in others:
            used.sum.data_points.extend(other.sum.data_points)
        return bench.send(used, at=at)

    sent(10.0, 5.0, 3.0, T0)
    rates = sent(10.6, 5.5, 4.0, T0 + 1)
    assert rates["process.cpu.time:rate"] == [pytest.approx(1.1)]
    assert rates[f"process.cpu.time{{{state}=wait}}:rate"] == [pytest.approx(1.0)]


def test_the_modes_of_a_hosts_cpu_stay_apart(bench: Bench) -> None:
    bench.send(counter("system.cpu.time", 1.0, T0, start=START, attributes={"cpu.mode": "user"}), at=T0)
    assert bench.registry.keys[0].attributes == (("cpu.mode", "user"),)
