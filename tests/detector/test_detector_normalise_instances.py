"""Services and instances by their resources; heartbeats; restarts."""

import pytest
from normalised import Bench
from otlp_requests import (
    T0,
    Attributes,
    counter,
    gauge,
    log_record,
    logs_request,
    metrics_request,
    resource,
    span,
    traces_request,
)

from detector.normalise import Normaliser
from detector.series import Heartbeat, SeriesRegistry


@pytest.fixture
def bench() -> Bench:
    return Bench()


def beat(bench: Bench, attributes: Attributes, at: float = T0, start: float = 0.0) -> Heartbeat:
    of = resource(service="shop", instance=None, attributes=attributes)
    request = metrics_request(counter("hits", 1, at, start=start), of=of)
    (heartbeat,) = bench.metrics(request, at).heartbeats
    return heartbeat


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"service.instance.id": "a", "host.name": "h", "process.pid": 7}, "a"),
        ({"host.name": "h", "process.pid": 7}, "h:7"),
        ({"k8s.pod.name": "p", "host.name": "h", "k8s.container.name": "c"}, "p:c"),
        ({"container.id": "c", "host.name": "h"}, "c"),
        ({"process.pid": 7}, "7"),
        ({}, "unknown"),
    ],
)
def test_the_name_of_an_instance(bench: Bench, attributes: Attributes, name: str) -> None:
    assert beat(bench, attributes).instance.name == name


def test_a_resource_without_a_name_is_the_unknown_service(bench: Bench) -> None:
    normalised = bench.metrics(metrics_request(gauge("m", 1, T0), of=resource(service=None)), T0)
    assert normalised.heartbeats[0].instance.service.name == "unknown_service"


def test_names_are_bounded_and_without_control_characters(bench: Bench) -> None:
    heartbeat = beat(bench, {"service.instance.id": "a\x00\x1b[31m\u202eb" + "c" * 500})
    assert heartbeat.instance.name.startswith("a[31mbccc")
    assert len(heartbeat.instance.name) == 128


def test_every_signal_gives_one_heartbeat_for_each_instance(bench: Bench) -> None:
    one, two = resource(instance="a"), resource(instance="b")
    request = metrics_request(gauge("m", 1, T0), of=one)
    request.MergeFrom(metrics_request(gauge("m", 1, T0), of=two))
    request.MergeFrom(metrics_request(gauge("n", 1, T0), of=one))
    assert [b.instance.name for b in bench.metrics(request, T0).heartbeats] == ["a", "b"]
    logs = bench.normaliser.logs(logs_request(log_record("x", T0), of=one), T0 + 1)
    assert [(b.instance.name, b.time) for b in logs.heartbeats] == [("a", T0 + 1)]
    spans = bench.normaliser.traces(traces_request(span(T0), of=two), T0 + 2)
    assert [(b.instance.name, b.time) for b in spans.heartbeats] == [("b", T0 + 2)]


def test_an_instance_began_with_its_earliest_counter(bench: Bench) -> None:
    request = metrics_request(
        counter("a", 1, T0, start=T0 - 50), counter("b", 1, T0, start=T0 - 90), gauge("g", 1, T0)
    )
    assert bench.metrics(request, T0).heartbeats[0].started_at == pytest.approx(T0 - 90)


def test_a_young_counter_does_not_move_the_start(bench: Bench) -> None:
    first = metrics_request(counter("a", 1, T0, start=T0 - 50))
    bench.metrics(first, T0)
    second = metrics_request(counter("b", 1, T0 + 1, start=T0 + 0.9))
    assert bench.metrics(second, T0 + 1).heartbeats[0].started_at == pytest.approx(T0 - 50)


def test_an_instance_whose_counters_all_began_anew_was_restarted(bench: Bench) -> None:
    for second in range(3):
        at = T0 + second
        request = metrics_request(counter("a", 1, at, start=T0 - 50), counter("b", 1, at, start=T0 - 50))
        bench.metrics(request, at)
    restarted = metrics_request(
        counter("a", 1, T0 + 3, start=T0 + 2.5), counter("b", 1, T0 + 3, start=T0 + 2.6)
    )
    assert bench.metrics(restarted, T0 + 3).heartbeats[0].started_at == pytest.approx(T0 + 2.5)


def test_one_counter_that_began_anew_is_not_a_restart(bench: Bench) -> None:
    for second, start in ((0, T0 - 50), (1, T0 - 50), (2, T0 + 1.5)):
        at = T0 + second
        request = metrics_request(counter("a", 1, at, start=start), counter("b", 1, at, start=T0 - 50))
        heartbeat = bench.metrics(request, at).heartbeats[0]
    assert heartbeat.started_at == pytest.approx(T0 - 50)


def test_the_creation_time_of_the_process_is_its_start(bench: Bench) -> None:
    heartbeat = beat(bench, {"process.creation.time": "2025-06-15T12:00:00Z"})
    assert heartbeat.started_at == 1_749_988_800.0
    assert beat(bench, {"process.creation.time": "yesterday", "host.name": "x"}).started_at is None


def test_a_heartbeat_names_version_and_process(bench: Bench) -> None:
    heartbeat = beat(bench, {"service.version": "1.2", "process.pid": 7, "service.instance.id": "a"})
    assert (heartbeat.version, heartbeat.pid) == ("1.2", 7)


def test_another_process_under_the_same_name_is_a_new_start(bench: Bench) -> None:
    beat(bench, {"service.instance.id": "a", "process.pid": 7}, T0, start=T0 - 50)
    heartbeat = beat(bench, {"service.instance.id": "a", "process.pid": 8}, T0 + 5, start=T0 + 4)
    assert heartbeat.pid == 8
    assert heartbeat.started_at == pytest.approx(T0 + 4)


def test_processes_that_alternate_under_one_name_are_each_named(bench: Bench) -> None:
    def sent(pid: int, at: float) -> Heartbeat:
        return beat(bench, {"service.instance.id": "a", "process.pid": pid}, at, start=T0 - 50)

    beats = [sent(pid, T0 + i) for i, pid in enumerate([7, 8, 7, 8])]
    assert [each.pid for each in beats] == [7, 8, 7, 8]
    assert beats[3].started_at == pytest.approx(T0 - 50)


def test_two_processes_in_one_request_give_a_heartbeat_each(bench: Bench) -> None:
    one = resource(instance="a", attributes={"process.pid": 7})
    other = resource(instance="a", attributes={"process.pid": 8})
    request = metrics_request(gauge("m", 1, T0), of=one)
    request.MergeFrom(metrics_request(gauge("m", 1, T0), of=other))
    assert [each.pid for each in bench.metrics(request, T0).heartbeats] == [7, 8]


def test_ignored_services_leave_no_trace() -> None:
    registry = SeriesRegistry()
    normaliser = Normaliser(registry, ignored_services=["shop"])
    assert not normaliser.metrics(metrics_request(gauge("m", 1, T0)), T0).heartbeats
    assert not normaliser.logs(logs_request(log_record("x", T0, severity=17)), T0).logs
    assert not normaliser.traces(traces_request(span(T0)), T0).heartbeats
    assert len(normaliser.flush(T0 + 2).samples) == 0
    assert registry.keys == []
    assert registry.instances == []


def test_instances_past_the_registrys_room_are_dropped_and_counted() -> None:
    registry = SeriesRegistry(max_instances=1)
    bench = Bench(Normaliser(registry), registry)
    bench.send(gauge("m", 1, T0), at=T0, of=resource(instance="a"))
    assert bench.send(gauge("m", 1, T0), at=T0, of=resource(instance="b")) == {}
    assert bench.normaliser.counters["refused_resources"] == 1
