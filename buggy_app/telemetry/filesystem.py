"""Metrics of the work directory's budget, as those of the small file system that it stands for."""

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from buggy_app.work_directory import WorkDirectory

MOUNTPOINT, STATE = "system.filesystem.mountpoint", "system.filesystem.state"


def observe_work_directory(meter: Meter, work: WorkDirectory) -> None:
    """Register `system.filesystem.*` for the work directory."""
    where = {MOUNTPOINT: str(work.path)}
    used_of, free_of = where | {STATE: "used"}, where | {STATE: "free"}

    def usage(_: CallbackOptions) -> Iterable[Observation]:
        used = work.used()
        return [Observation(used, used_of), Observation(max(0, work.budget - used), free_of)]

    def limit(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(work.budget, where)]

    def utilization(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(work.used() / work.budget, used_of)]

    meter.create_observable_up_down_counter("system.filesystem.usage", [usage], "By", "Bytes used and free")
    meter.create_observable_up_down_counter("system.filesystem.limit", [limit], "By", "Size of the budget")
    meter.create_observable_gauge("system.filesystem.utilization", [utilization], "1", "Share of it in use")
