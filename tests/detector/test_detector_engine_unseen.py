"""Services of other kinds, by the semantic conventions alone: their faults are named, their calm is calm."""

import pytest
from synthetic_service import (
    LOG,
    SPAN,
    START,
    Observation,
    between,
    bursty,
    heavy_tailed,
    rarely,
    sawtooth,
    series,
    steady,
)

from detector.incident import IncidentType, Severity
from detector.series import Stat


def jvm_service() -> dict[str, tuple]:
    used = "jvm.memory.used"
    old, eden = "G1 Old Gen", "G1 Eden Space"
    duration = "http.server.request.duration"
    return {
        "cpu": series("jvm.cpu.recent_utilization", Stat.VALUE, "1", between(0.02, 0.4)),
        "host": series("jvm.system.cpu.utilization", Stat.VALUE, "1", between(0.1, 1.0)),
        "old": series(used, Stat.SHARE, "By", sawtooth(0.3, 0.5, 70), jvm__memory__pool__name=old),
        "eden": series(used, Stat.SHARE, "By", sawtooth(0.0, 1.0, 9, 0.0), jvm__memory__pool__name=eden),
        "bytes": series(used, Stat.VALUE, "By", sawtooth(3e8, 9e8, 9), jvm__memory__pool__name=eden),
        "gc": series("jvm.gc.duration", Stat.MEAN, "s", heavy_tailed(0.01, 0.02)),
        "beside": series(
            "jvm.gc.duration", Stat.RATE, "s", rarely(0.1, 0.9), jvm__gc__name="G1 Concurrent GC"
        ),
        "threads": series("jvm.thread.count", Stat.VALUE, "{thread}", between(30, 60)),
        "pool": series("db.client.connections.usage", Stat.SHARE, "", between(0.0, 0.6), pool__name="hikari"),
        "waiting": series("db.client.connections.pending_requests", Stat.VALUE, "", rarely(0.02, 1.0)),
        "server": series(duration, Stat.MEAN, "s", heavy_tailed(0.03)),
        "traffic": series(duration, Stat.COUNT_RATE, "s", bursty(50)),
    }


def node_service() -> dict[str, tuple]:
    duration, status = "http.server.duration", "http__status_code"
    return {
        "mean": series(duration, Stat.MEAN, "ms", heavy_tailed(12.0), **{status: "200"}),
        "p95": series(duration, Stat.P95, "ms", heavy_tailed(40.0), **{status: "200"}),
        "ok": series(duration, Stat.COUNT_RATE, "ms", bursty(30), **{status: "200"}),
        "failed": series(duration, Stat.COUNT_RATE, "ms", lambda t, rng: None, **{status: "500"}),
        "failed_mean": series(duration, Stat.MEAN, "ms", lambda t, rng: None, **{status: "500"}),
        "loop": series("nodejs.eventloop.utilization", Stat.VALUE, "1", between(0.02, 0.3)),
        "collecting": series("v8js.gc.duration", Stat.RATE, "s", rarely(0.2, 0.12), v8js__gc__type="major"),
    }


def go_service() -> dict[str, tuple]:
    return {
        "server": series("rpc.server.duration", Stat.MEAN, "ms", heavy_tailed(8.0), rpc__service="Cart"),
        "server_p95": series("rpc.server.duration", Stat.P95, "ms", heavy_tailed(20.0), rpc__service="Cart"),
        "client": series("rpc.client.duration", Stat.MEAN, "ms", heavy_tailed(3.0), rpc__service="Price"),
        "client_p95": series("rpc.client.duration", Stat.P95, "ms", heavy_tailed(9.0), rpc__service="Price"),
        "traffic": series("rpc.server.duration", Stat.COUNT_RATE, "ms", bursty(90), rpc__service="Cart"),
        "goroutines": series("go.goroutine.count", Stat.VALUE, "{goroutine}", between(20, 200)),
        "memory": series("go.memory.used", Stat.VALUE, "By", sawtooth(2e7, 4e7, 13)),
        "cpu": series("process.cpu.time", Stat.RATE, "s", between(0.05, 0.6)),
        "limit": series("container.memory.usage", Stat.SHARE, "By", steady(0.4, 0.01)),
    }


def worker() -> dict[str, tuple]:
    return {
        "queue": series("imports.in_queue", Stat.VALUE, "{file}", between(0, 6)),
        "work": series("imports.done", Stat.RATE, "{file}", bursty(4)),
        "spans": series("span.consumer", Stat.MEAN, "s", heavy_tailed(0.2), SPAN),
        "logs": series("log.records", Stat.COUNT_RATE, "", rarely(0.01, 1.0), LOG, severity="error"),
    }


KINDS = [jvm_service, node_service, go_service, worker]


@pytest.mark.parametrize("describe", KINDS)
def test_its_calm_raises_nothing(describe) -> None:
    watched = Observation()
    watched.service(description=describe())
    watched.pass_time(1200)
    assert watched.reports == []


def rise(start: float, per_second: float):
    return lambda t, rng: min(1.0, start + per_second * (t - 120))


CASES = [
    (jvm_service, {"old": rise(0.5, 0.04)}, IncidentType.MEMORY_OOM),
    (jvm_service, {"cpu": steady(0.98)}, IncidentType.CPU_SPIKE),
    (jvm_service, {"pool": steady(1.0), "waiting": steady(20.0, 2.0)}, IncidentType.DB_CONNECTION_POOL),
    (node_service, {"loop": steady(0.97), "mean": steady(300.0)}, IncidentType.CPU_SPIKE),
    (
        node_service,
        {"collecting": between(0.16, 0.28), "loop": steady(1.0), "mean": steady(300.0)},
        IncidentType.MEMORY_OOM,
    ),
    (node_service, {"failed": steady(12.0, 1.0)}, IncidentType.UNKNOWN),
    (node_service, {"mean": steady(900.0, 20.0), "p95": steady(1500.0, 50.0)}, IncidentType.UNKNOWN),
    (
        go_service,
        {"client": steady(800.0, 20.0), "client_p95": steady(900.0, 20.0), "server": steady(820.0, 20.0)},
        IncidentType.NETWORK_LATENCY,
    ),
    (go_service, {"limit": rise(0.4, 0.03)}, IncidentType.MEMORY_OOM),
    (go_service, {"cpu": steady(1.9, 0.05)}, IncidentType.CPU_SPIKE),
    (worker, {"queue": lambda t, rng: 20.0 * (t - 115)}, IncidentType.UNKNOWN),
]


@pytest.mark.parametrize(("describe", "broken", "kind"), CASES)
def test_its_fault_is_named(describe, broken, kind) -> None:
    watched = Observation()
    service = watched.service(description=describe())
    watched.pass_time(120)
    service.override = broken
    watched.pass_time(15)
    assert [incident.type for incident in watched.latest] == [kind]


@pytest.mark.parametrize("agony_s", [1, 2, 3])
def test_a_heap_that_fills_up_is_named_although_its_process_dies_within_seconds(agony_s) -> None:
    watched = Observation()
    service = watched.service(description=node_service())
    watched.pass_time(120)
    service.override = {"collecting": steady(0.7), "loop": steady(1.0), "mean": steady(900.0)}
    watched.pass_time(agony_s)
    service.down = True
    watched.pass_time(10)
    assert [incident.type for incident in watched.latest] == [IncidentType.MEMORY_OOM]


def test_a_process_that_dies_with_nothing_odd_before_it_is_no_case_of_memory() -> None:
    watched = Observation()
    service = watched.service(description=node_service())
    watched.pass_time(120)
    service.down = True
    watched.pass_time(10)
    assert [incident.type for incident in watched.latest] == [IncidentType.POD_CRASH_LOOP]


@pytest.mark.parametrize("interval", [0.5, 5.0, 10.0, 60.0])
def test_other_export_intervals_take_as_many_intervals(interval) -> None:
    watched = Observation(interval=interval)
    service = watched.service(description=jvm_service())
    watched.pass_time(60 * interval)
    assert watched.reports == []
    began = watched.now
    service.override = {"cpu": steady(1.0), "server": steady(0.9, 0.02)}
    watched.pass_time(5 * interval)
    opened_at, incident = watched.opened[0]
    assert incident.type is IncidentType.CPU_SPIKE
    assert opened_at - began <= 2.5 * interval + 0.25
    service.override = {}
    watched.pass_time(max(15.0, 6 * interval))
    assert len(watched.latest) == 1
    assert watched.latest[0].closed_at is not None


def test_failing_users_are_critical() -> None:
    watched = Observation()
    service = watched.service(description=node_service())
    watched.pass_time(60)
    service.override = {"failed": steady(12.0, 1.0)}
    watched.pass_time(8)
    (incident,) = watched.latest
    assert incident.severity is Severity.CRITICAL
    assert incident.started_at >= START + 60 - 1


def test_a_process_that_uses_one_core_of_many_is_short_of_cpu() -> None:
    """Its utilisation is divided by the host's cores and stays low; its CPU time tells."""
    described = {
        "cpu": series("process.cpu.utilization", Stat.VALUE, "1", between(0.005, 0.02)),
        "cores": series("process.cpu.time", Stat.RATE, "s", between(0.04, 0.16)),
        "client": series("span.client", Stat.MEAN, "s", heavy_tailed(0.005), SPAN),
        "server": series("span.server", Stat.MEAN, "s", heavy_tailed(0.04), SPAN),
    }
    watched = Observation()
    service = watched.service(description=described)
    watched.pass_time(60)
    began = watched.now
    service.override = {
        "cpu": steady(0.125),
        "cores": steady(0.99, 0.01),
        "client": steady(0.4, 0.05),
        "server": steady(0.6, 0.05),
    }
    watched.pass_time(8)
    assert {incident.type for _, incident in watched.reports} == {IncidentType.CPU_SPIKE}
    assert watched.opened[0][0] - began <= 3.5
