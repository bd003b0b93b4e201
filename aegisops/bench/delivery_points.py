"""Data points that can be told apart: each has a number of its own as its value."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from aegisops.bench.delivery_detector import DELIVERED, JUDGED

POINTS_EACH = 1_000
"""Points of a request, each on a series of its own."""
_METRICS = 10
_FIRST = 2**40  # no other value comes near, and float64 holds it exactly
_BYTES = 8


class Points:
    """The points numbered from `first` up to `end`, of one service: as requests of `POINTS_EACH` each.

    Every request has one point for each series, later than the one before.
    """

    def __init__(self, service: str, first: int, end: int) -> None:
        self._numbers = range(first, end)
        metrics = [_gauge(f"bench.delivery.{number}") for number in range(_METRICS)]
        attributes = [_text("service.name", service), _text("service.instance.id", f"{service}-1")]
        self._request = ExportMetricsServiceRequest(
            resource_metrics=[
                ResourceMetrics(
                    resource=Resource(attributes=attributes), scope_metrics=[ScopeMetrics(metrics=metrics)]
                )
            ]
        )

    def requests(self) -> Iterator[tuple[int, bytes]]:
        """How many points, and their request; the time of each is that at which it is asked for."""
        filled = self._request.resource_metrics[0].scope_metrics[0].metrics
        series = [point for metric in filled for point in metric.gauge.data_points]
        for at in range(0, len(self._numbers), POINTS_EACH):
            numbers = self._numbers[at : at + POINTS_EACH]
            now = time.time_ns()
            for point, number in zip(series, numbers, strict=False):
                point.time_unix_nano, point.as_int = now, _FIRST + number
            if len(numbers) < POINTS_EACH:
                _keep(filled, len(numbers))
            yield len(numbers), self._request.SerializeToString()


def _gauge(name: str) -> Metric:
    series = range(POINTS_EACH // _METRICS)
    points = [NumberDataPoint(attributes=[_text("part", str(number))]) for number in series]
    return Metric(name=name, unit="1", gauge=Gauge(data_points=points))


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _keep(metrics: Iterable[Metric], count: int) -> None:
    for metric in metrics:
        points = metric.gauge.data_points
        del points[max(0, count) :]
        count -= len(points)


@dataclass(frozen=True, slots=True)
class Counted:
    """`delivered` points were in a request that was judged, `lost` ones in none; `duplicated` counts each
    further time they were. `late` ones were delivered, but the models had seen newer ones of their series."""

    delivered: int
    lost: int
    duplicated: int
    late: int


def count(directory: Path, points: int) -> Counted:
    """What all detectors that recorded into `directory` did with the `points` that were sent."""
    delivered = np.bincount(_recorded(directory, DELIVERED, points), minlength=points)
    judged = np.bincount(_recorded(directory, JUDGED, points), minlength=points)
    return Counted(
        delivered=int((delivered > 0).sum()),
        lost=int((delivered == 0).sum()),
        duplicated=int((delivered - 1).clip(0).sum()),
        late=int(((delivered > 0) & (judged == 0)).sum()),
    )


def recorded_so_far(directory: Path) -> int:
    """How many points were delivered by now, duplicates too."""
    return sum(path.stat().st_size for path in directory.glob(f"{DELIVERED}-*")) // _BYTES


def _recorded(directory: Path, what: str, points: int) -> NDArray[np.int64]:
    """The numbers in the records of all processes; a kill may have cut off the last one of each."""
    found = [np.zeros(0, np.int64)]
    for path in directory.glob(f"{what}-*"):
        whole = path.stat().st_size // _BYTES
        found.append(np.fromfile(path, np.int64, whole) - _FIRST)
    numbers = np.concatenate(found)
    return numbers[(numbers >= 0) & (numbers < points)]
