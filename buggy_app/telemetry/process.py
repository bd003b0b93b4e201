"""Metrics of this process: `process.*`, and the memory limit it lives under."""

import time
from collections.abc import Callable, Iterable

import psutil
from opentelemetry.metrics import CallbackOptions, Meter, Observation

SHORTEST_INTERVAL_S = 0.2


class CpuUtilization:
    """Share of one core used since the measurement before: CPU seconds (user and system) per second.

    Not divided by the number of CPUs, which would hide a saturated single-core process on a large
    machine. None until `SHORTEST_INTERVAL_S` have passed since it was made, so that the work of
    starting does not count.
    """

    def __init__(self, cpu_seconds: Callable[[], float], clock: Callable[[], float]) -> None:
        self._cpu_seconds = cpu_seconds
        self._clock = clock
        self._last = (clock(), cpu_seconds())
        self._value: float | None = None

    def measure(self) -> float | None:
        """The share, 0 upwards; the value before when too little time has passed."""
        now, used = self._clock(), self._cpu_seconds()
        elapsed = now - self._last[0]
        if elapsed >= SHORTEST_INTERVAL_S:
            self._value = (used - self._last[1]) / elapsed
            self._last = (now, used)
        return self._value


def observe_process(meter: Meter, memory_limit: int, started_at: float) -> None:
    """Register the metrics of this process. `memory_limit` in bytes, `started_at` since the epoch."""
    process = psutil.Process()
    utilization = CpuUtilization(lambda: sum(process.cpu_times()[:2]), time.monotonic)

    def cpu_utilization(_: CallbackOptions) -> Iterable[Observation]:
        value = utilization.measure()
        return [] if value is None else [Observation(value)]

    def cpu_time(_: CallbackOptions) -> Iterable[Observation]:
        times = process.cpu_times()
        return [
            Observation(times.user, {"cpu.mode": "user"}),
            Observation(times.system, {"cpu.mode": "system"}),
        ]

    meter.create_observable_gauge(
        "process.cpu.utilization", [cpu_utilization], "1", "Share of one core in use"
    )
    meter.create_observable_counter("process.cpu.time", [cpu_time], "s", "CPU time used")
    meter.create_observable_up_down_counter(
        "process.memory.usage", [_of(lambda: process.memory_info().rss)], "By", "Resident memory"
    )
    meter.create_observable_up_down_counter(
        "process.memory.limit", [_of(lambda: memory_limit)], "By", "Resident memory at which it is killed"
    )
    meter.create_observable_up_down_counter(
        "process.open_file_descriptor.count", [_of(process.num_fds)], "{file_descriptor}", "Open files"
    )
    meter.create_observable_up_down_counter(
        "process.thread.count", [_of(process.num_threads)], "{thread}", "Threads"
    )
    meter.create_observable_gauge(
        "process.uptime", [_of(lambda: time.time() - started_at)], "s", "Time since the start"
    )


def _of(measure: Callable[[], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(measure())]
