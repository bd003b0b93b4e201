"""Each fault is a real malfunction: its remedy cures it, and what is no remedy for it does not."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from buggy_app_stack import Stack, wait_for
from otlp_sink import OtlpSink

pytestmark = pytest.mark.e2e
SLOW_S = 0.9


def inject(stack: Stack, fault: str, *options: str) -> None:
    assert stack.run("buggy_app.chaos", "inject", fault, *options).returncode == 0


def cpu_share(pid: int, over_s: float = 1.0) -> float:
    return psutil.Process(pid).cpu_percent(over_s) / 100


def wanted_cpu_share(pid: int, over_s: float = 1.0) -> float:
    """Of a core: what the process ran and what it waited to run, however little it got (Linux)."""
    before, since = _wanted_cpu_s(pid), time.monotonic()
    time.sleep(over_s)
    return (_wanted_cpu_s(pid) - before) / (time.monotonic() - since)


def _wanted_cpu_s(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(ns) for thread in threads for ns in thread.read_text().split()[:2]) / 1e9


def test_leaked_memory_gets_a_replica_killed_and_the_next_does_not_leak(
    make_stack: Callable[..., Stack],
) -> None:
    stack = make_stack(BUGGY_APP_MEMORY_LIMIT_BYTES="180000000")
    stack.start("buggy_app.oom_guard")
    replica = stack.start_replica()

    inject(stack, "memory_oom")
    assert replica.wait(20) == -signal.SIGKILL
    assert f"killed process {replica.pid}" in stack.log("buggy_app.oom_guard")

    fresh = stack.start_replica()
    before = psutil.Process(fresh.pid).memory_info().rss
    for _ in range(20):  # a second and more of requests, in which the leak would be 35 MB
        assert stack.get("/quote?precision=high").status == 200
        cpu_share(fresh.pid, 0.05)
    assert psutil.Process(fresh.pid).memory_info().rss < before + 15_000_000
    assert "memory_oom: inactive" in stack.run("buggy_app.chaos", "status").stdout


def test_burning_threads_take_a_core_until_the_restart(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    replica = stack.start_replica()
    assert cpu_share(replica.pid) < 0.5

    inject(stack, "cpu_spike")
    wait_for(lambda: wanted_cpu_share(replica.pid) > 0.6, "the burning to show")
    assert stack.get("/health").status == 200

    fresh = stack.restart(replica)
    wait_for(lambda: cpu_share(fresh.pid) < 0.3, "the burning to be over")


def test_a_surge_outlives_a_restart_and_is_cured_by_more_replicas(
    make_stack: Callable[..., Stack], sink: OtlpSink
) -> None:
    stack = make_stack(sink.endpoint)
    stack.start_dependency()

    def start(name: str) -> int:
        return stack.start_replica(OTEL_RESOURCE_ATTRIBUTES=f"service.instance.id={name}").pid

    def utilization(name: str) -> float:
        values = [
            point.value
            for point in sink.points
            if point.name == "process.cpu.utilization" and point.resource["service.instance.id"] == name
        ]
        return sum(values[-3:]) / 3 if len(values) >= 3 else -1.0

    first = start("a")
    stack.start("buggy_app.traffic")
    inject(stack, "cpu_spike", "--variant", "surge")
    wait_for(lambda: wanted_cpu_share(first, 2.0) > 0.75, "the surge to saturate the replica")

    assert stack.stop(stack.processes[1]) == 0
    restarted = start("b")
    wait_for(lambda: wanted_cpu_share(restarted, 2.0) > 0.75, "the surge to saturate the restarted replica")

    start("c")
    start("d")
    wait_for(lambda: all(0 < utilization(name) < 0.5 for name in "bcd"), "three replicas to share the surge")


def test_slow_endpoint_and_full_disk_together_each_need_their_own_remedy(
    make_stack: Callable[..., Stack],
) -> None:
    stack = make_stack(BUGGY_APP_DISK_BUDGET_BYTES=str(4 * 2**20))
    stack.start_dependency()
    replica = stack.start_replica()
    upload = bytes(32 * 1024)
    assert stack.post("/uploads", upload).status == 201
    assert stack.get("/catalog").seconds < SLOW_S

    inject(stack, "network_latency")
    inject(stack, "disk_space")
    wait_for(lambda: stack.post("/uploads", upload).status == 500, "the disk to be full")
    assert "[Errno 28] No space left on device" in stack.log("buggy_app")
    wait_for(lambda: stack.get("/catalog").seconds > SLOW_S, "the endpoint to be slow")

    stack.restart(replica)
    assert stack.post("/uploads", upload).status == 500
    assert stack.get("/catalog").seconds > SLOW_S

    assert stack.run("buggy_app.cleanup").returncode == 0
    assert stack.post("/uploads", upload).status == 201
    assert stack.get("/catalog").seconds > SLOW_S

    assert stack.run("buggy_app.failover").returncode == 0
    after = stack.get("/catalog")
    assert (after.status, after.seconds < SLOW_S) == (200, True)
    assert b'"source":"secondary"' in after.body

    assert stack.run("buggy_app.chaos", "clear", "network_latency").returncode == 0
    after = stack.get("/catalog")
    assert (b'"source":"primary"' in after.body, after.seconds < SLOW_S) == (True, True)


def test_leaked_connections_come_back_in_all_replicas_by_recycling(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    stack.start_replica()
    stack.start_replica()
    assert stack.get("/orders").status == 200

    inject(stack, "db_connection_pool")
    wait_for(lambda: [stack.get("/orders").status for _ in range(3)] == [500] * 3, "the pools to be empty")
    assert "QueuePool limit of size 5 overflow 0 reached" in stack.log("buggy_app")

    assert stack.post("/admin/pool/recycle").status == 200
    wait_for(lambda: [stack.get("/orders").status for _ in range(12)] == [200] * 12, "both to work again")
    assert "db_connection_pool: inactive" in stack.run("buggy_app.chaos", "status").stdout


def test_bad_configuration_fails_every_start_until_it_is_rolled_back(
    make_stack: Callable[..., Stack], sink: OtlpSink
) -> None:
    stack = make_stack(sink.endpoint)
    replica = stack.start_replica()

    inject(stack, "pod_crash_loop")
    assert replica.wait(20) == 3
    for _ in range(2):
        assert stack.start("buggy_app").wait(20) == 1
    fatal = wait_for(lambda: [log for log in sink.logs if log.severity >= 21][1:], "both starts' last words")
    assert "pool_size: Input should be greater than or equal to 1" in fatal[0].body
    assert fatal[0].resource["service.version"] == "1.1.0"

    assert stack.run("buggy_app.rollback").returncode == 0
    stack.start_replica()
    assert stack.get("/orders").status == 200
