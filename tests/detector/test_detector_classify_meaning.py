"""What series mean, by the names of the semantic conventions."""

import re

import pytest

from detector.classify.meaning import Meanings, Signal
from detector.series import Origin, SeriesKey, ServiceId, Stat

MEANINGS = Meanings.load()


def meaning(name: str, stat: Stat, unit: str = "1", **attributes: str):
    named = tuple(sorted((k.replace("__", "."), v) for k, v in attributes.items()))
    return MEANINGS.of(SeriesKey(ServiceId("", "any"), name, stat, unit, Origin.METRIC, named))


@pytest.mark.parametrize(
    ("name", "stat", "attributes", "signal"),
    [
        ("process.memory.usage", Stat.SHARE, {}, Signal.MEMORY),
        ("container.memory.usage", Stat.SHARE, {}, Signal.MEMORY),
        ("k8s.pod.memory.working_set", Stat.VALUE, {}, Signal.MEMORY),
        ("k8s.container.memory_limit_utilization", Stat.VALUE, {}, Signal.MEMORY),
        ("jvm.memory.used", Stat.SHARE, {"jvm__memory__pool__name": "G1 Old Gen"}, Signal.MEMORY),
        ("jvm.memory.used", Stat.SHARE, {"jvm__memory__pool__name": "G1 Eden Space"}, Signal.OTHER),
        ("v8js.memory.heap.used", Stat.SHARE, {}, Signal.MEMORY),
        ("process.cpu.utilization", Stat.VALUE, {}, Signal.CPU),
        ("jvm.cpu.recent_utilization", Stat.VALUE, {}, Signal.CPU),
        ("container.cpu.usage", Stat.VALUE, {}, Signal.CPU),
        ("process.cpu.time", Stat.RATE, {}, Signal.CPU),
        ("system.cpu.utilization", Stat.VALUE, {"cpu__mode": "idle"}, Signal.OTHER),
        ("system.cpu.utilization", Stat.VALUE, {"cpu__mode": "user"}, Signal.CPU),
        ("nodejs.eventloop.utilization", Stat.VALUE, {}, Signal.CPU),
        ("system.filesystem.usage", Stat.SHARE, {}, Signal.DISK),
        ("system.filesystem.utilization", Stat.VALUE, {}, Signal.DISK),
        ("k8s.volume.usage", Stat.SHARE, {}, Signal.DISK),
        ("db.client.connection.count", Stat.SHARE, {}, Signal.DB_POOL),
        ("db.client.connections.usage", Stat.SHARE, {}, Signal.DB_POOL),
        ("db.client.connection.timeouts", Stat.RATE, {}, Signal.DB_POOL),
        ("db.client.connection.pending_requests", Stat.VALUE, {}, Signal.DB_POOL),
        ("db.client.connection.max", Stat.VALUE, {}, Signal.OTHER),
        ("db.client.operation.duration", Stat.P95, {}, Signal.DB_LATENCY),
        ("http.client.request.duration", Stat.MEAN, {}, Signal.CLIENT_LATENCY),
        ("rpc.client.duration", Stat.MEAN, {}, Signal.CLIENT_LATENCY),
        ("http.server.request.duration", Stat.P95, {}, Signal.SERVER_LATENCY),
        ("http.server.duration", Stat.MEAN, {}, Signal.SERVER_LATENCY),
        ("rpc.server.call.duration", Stat.MEAN, {}, Signal.SERVER_LATENCY),
        ("span.server", Stat.ERROR_RATIO, {}, Signal.ERROR_RATIO),
        ("span.server", Stat.COUNT_RATE, {}, Signal.REQUEST_RATE),
        ("http.server.request.duration", Stat.COUNT_RATE, {}, Signal.REQUEST_RATE),
        (
            "http.server.request.duration",
            Stat.COUNT_RATE,
            {"http__response__status_code": "503"},
            Signal.ERROR_RATIO,
        ),
        (
            "http.server.request.duration",
            Stat.COUNT_RATE,
            {"http__response__status_code": "404"},
            Signal.REQUEST_RATE,
        ),
        ("rpc.server.duration", Stat.COUNT_RATE, {"rpc__grpc__status_code": "14"}, Signal.ERROR_RATIO),
        ("rpc.server.duration", Stat.COUNT_RATE, {"rpc__grpc__status_code": "0"}, Signal.REQUEST_RATE),
        ("log.records", Stat.COUNT_RATE, {"severity": "error"}, Signal.ERROR_LOGS),
        ("log.records", Stat.COUNT_RATE, {"severity": "info"}, Signal.OTHER),
        ("k8s.container.restart_count", Stat.VALUE, {}, Signal.RESTARTS),
        ("container.restarts", Stat.RATE, {}, Signal.RESTARTS),
        ("dotnet.thread_pool.queue.length", Stat.VALUE, {}, Signal.QUEUE),
        ("messaging.consumer.lag", Stat.VALUE, {}, Signal.QUEUE),
        ("jvm.gc.duration", Stat.MEAN, {}, Signal.GC),
        ("system.network.errors", Stat.RATE, {}, Signal.NETWORK_ERRORS),
        ("jvm.thread.count", Stat.VALUE, {}, Signal.OTHER),
        ("weather", Stat.VALUE, {}, Signal.OTHER),
    ],
)
def test_a_series_belongs_to_its_signal(name, stat, attributes, signal) -> None:
    assert meaning(name, stat, **attributes).signal is signal


@pytest.mark.parametrize(
    ("name", "stat"),
    [
        ("system.network.io", Stat.RATE),
        ("process.thread.count", Stat.VALUE),
        ("jvm.memory.limit", Stat.VALUE),
        ("process.memory.virtual", Stat.VALUE),
        ("http.server.active_requests", Stat.VALUE),
        ("db.client.connection.idle.max", Stat.VALUE),
        ("orders.placed", Stat.RATE),
        ("system.cpu.load_average.1m", Stat.VALUE),
    ],
)
def test_normal_work_and_configuration_are_no_symptoms(name, stat) -> None:
    assert not meaning(name, stat).judged


def test_thresholds_come_in_the_unit_of_the_series() -> None:
    seconds = meaning("http.server.request.duration", Stat.MEAN, "s")
    milliseconds = meaning("http.server.duration", Stat.MEAN, "ms")
    assert milliseconds.min_change == pytest.approx(1000 * seconds.min_change)
    percent = meaning("process.cpu.utilization", Stat.VALUE, "%")
    assert percent.comfortable == pytest.approx(
        100 * meaning("process.cpu.utilization", Stat.VALUE).comfortable
    )
    assert meaning("process.memory.usage", Stat.VALUE, "MBy").min_change == pytest.approx(100.0)


def test_a_share_has_no_unit_to_convert() -> None:
    assert meaning("system.filesystem.usage", Stat.SHARE, "KiBy").limit == 1


def test_only_counts_of_what_is_bad_start_at_zero() -> None:
    status = {"http__response__status_code": "500"}
    assert meaning("http.server.request.duration", Stat.COUNT_RATE, **status).starts_at_zero
    assert meaning("db.client.connection.timeouts", Stat.RATE).starts_at_zero
    assert not meaning("http.server.request.duration", Stat.MEAN, **status).starts_at_zero
    assert not meaning("http.server.request.duration", Stat.COUNT_RATE).starts_at_zero


def test_the_host_is_told_from_the_service() -> None:
    assert meaning("system.cpu.utilization", Stat.VALUE).host_wide
    assert meaning("system.memory.usage", Stat.SHARE).host_wide
    assert not meaning("process.cpu.utilization", Stat.VALUE).host_wide


def test_every_metric_name_means_something() -> None:
    for name in ("", "ü", "a" * 5000, "cpu" * 100, "\n", re.escape("((")):
        assert meaning(name, Stat.VALUE).signal in Signal
