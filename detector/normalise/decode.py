"""Walks a parsed metrics request and yields its points in columns. Knows OTLP, and no meaning.

Points that can never be used (flagged "no recorded value", without a value, not finite, in a metric
without a name, with impossible bucket counts) are left out and counted.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    DataPointFlags,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    SummaryDataPoint,
)

from detector.normalise.untrusted_text import text_of

Spelling = tuple[tuple[str, str], ...]
"""The attributes of a point as sent: order and names untouched, values as text."""

MAX_TEXT = 256
MAX_ATTRIBUTES = 64
MAX_BUCKETS = 2048
SECONDS = 1e-9
_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
_DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_SCALES = range(-10, 21)


class Kind(Enum):
    """How the numbers of a metric are to be read. Unspecified temporality is taken as cumulative."""

    LEVEL = auto()  # gauges and non-monotonic cumulative sums
    LEVEL_CHANGE = auto()  # non-monotonic delta sums
    TOTAL = auto()  # monotonic cumulative sums
    INCREASE = auto()  # monotonic delta sums


@dataclass(slots=True)
class Numbers:
    """The number points of one metric: columns of equal length; times in seconds by the sender's clock.

    `starts` is 0 where the sender gave none. `additive`: adding up points over attributes makes sense.
    """

    name: str
    unit: str
    kind: Kind
    additive: bool
    spellings: list[Spelling] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass(slots=True)
class ExplicitBuckets:
    """`counts[i]` observations in (bounds[i-1], bounds[i]]; one more count than bounds."""

    bounds: tuple[float, ...]
    counts: list[int]


@dataclass(slots=True)
class ExponentialBuckets:
    """`positive[i]` observations in (b**i, b**(i+1)] with b = 2**(2**-scale); `negative` mirrors it."""

    scale: int
    zeros: int
    positive: dict[int, int]
    negative: dict[int, int]


@dataclass(slots=True)
class Distribution:
    """What was observed from `start` to `time`. `total`: the sum of the observations, None if not known."""

    start: float
    time: float
    count: int
    total: float | None
    buckets: ExplicitBuckets | ExponentialBuckets | None
    low: float | None
    high: float | None


@dataclass(slots=True)
class Distributions:
    """The histogram points of one metric; `delta`: each covers only the time since the one before."""

    name: str
    unit: str
    delta: bool
    spellings: list[Spelling] = field(default_factory=list)
    points: list[Distribution] = field(default_factory=list)


@dataclass(slots=True)
class Decoder:
    """Turns a `ResourceMetrics` into columns. `unusable` counts the points left out."""

    unusable: int = 0

    def columns(self, of_resource: ResourceMetrics) -> Iterator[Numbers | Distributions]:
        """The metrics of one resource that have points."""
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                yield from self._metric(metric)

    def _metric(self, metric: Metric) -> Iterator[Numbers | Distributions]:
        shape = metric.WhichOneof("data")
        if shape is None:
            return
        if not metric.name:
            self.unusable += len(getattr(metric, shape).data_points)
        elif shape == "gauge":
            yield self._numbers(metric, Kind.LEVEL, False, metric.gauge.data_points)
        elif shape == "sum":
            delta = metric.sum.aggregation_temporality == _DELTA
            if metric.sum.is_monotonic:
                kind = Kind.INCREASE if delta else Kind.TOTAL
            else:
                kind = Kind.LEVEL_CHANGE if delta else Kind.LEVEL
            yield self._numbers(metric, kind, True, metric.sum.data_points)
        elif shape == "histogram":
            delta = metric.histogram.aggregation_temporality == _DELTA
            yield self._distributions(metric, delta, metric.histogram.data_points)
        elif shape == "exponential_histogram":
            delta = metric.exponential_histogram.aggregation_temporality == _DELTA
            yield self._distributions(metric, delta, metric.exponential_histogram.data_points)
        else:
            yield self._quantiles(metric, metric.summary.data_points)
            yield self._distributions(metric, False, metric.summary.data_points)

    def _numbers(
        self, metric: Metric, kind: Kind, additive: bool, points: Sequence[NumberDataPoint]
    ) -> Numbers:
        columns = Numbers(metric.name, metric.unit, kind, additive)
        for point in points:
            which = point.WhichOneof("value")
            value = point.as_double if which == "as_double" else float(point.as_int)
            if which is None or point.flags & _NO_VALUE or not math.isfinite(value):
                self.unusable += 1
                continue
            columns.spellings.append(spelling(point.attributes))
            columns.starts.append(point.start_time_unix_nano * SECONDS)
            columns.times.append(point.time_unix_nano * SECONDS)
            columns.values.append(value)
        return columns

    def _quantiles(self, metric: Metric, points: Sequence[SummaryDataPoint]) -> Numbers:
        columns = Numbers(metric.name, metric.unit, Kind.LEVEL, False)
        for point in points:
            if point.flags & _NO_VALUE:
                continue
            attributes = spelling(point.attributes)
            for at in point.quantile_values[:MAX_ATTRIBUTES]:
                if math.isfinite(at.value) and math.isfinite(at.quantile):
                    columns.spellings.append((*attributes, ("quantile", f"{at.quantile:g}")))
                    columns.starts.append(point.start_time_unix_nano * SECONDS)
                    columns.times.append(point.time_unix_nano * SECONDS)
                    columns.values.append(at.value)
        return columns

    def _distributions(
        self,
        metric: Metric,
        delta: bool,
        points: Iterable[HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint],
    ) -> Distributions:
        columns = Distributions(metric.name, metric.unit, delta)
        for point in points:
            read = None if point.flags & _NO_VALUE else _distribution(point)
            if read is None:
                self.unusable += 1
                continue
            columns.spellings.append(spelling(point.attributes))
            columns.points.append(read)
        return columns


def spelling(attributes: Sequence[KeyValue]) -> Spelling:
    """Attributes as a key: values as text of at most 256 characters, at most 64 attributes."""
    if len(attributes) > MAX_ATTRIBUTES:
        attributes = attributes[:MAX_ATTRIBUTES]
    return tuple(
        [
            (pair.key[:MAX_TEXT], pair.value.string_value[:MAX_TEXT] or text_of(pair.value, MAX_TEXT))
            for pair in attributes
        ]
    )


def _distribution(
    point: HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint,
) -> Distribution | None:
    """The point as a distribution; None when its buckets are impossible."""
    start, time = point.start_time_unix_nano * SECONDS, point.time_unix_nano * SECONDS
    if isinstance(point, SummaryDataPoint):
        total = point.sum if math.isfinite(point.sum) else None
        return Distribution(start, time, point.count, total, None, None, None)
    buckets: ExplicitBuckets | ExponentialBuckets | None
    if isinstance(point, HistogramDataPoint):
        counts, bounds = list(point.bucket_counts), tuple(point.explicit_bounds)
        if counts and len(counts) != len(bounds) + 1:
            return None
        ordered = all(map(math.isfinite, bounds)) and all(a < b for a, b in pairwise(bounds))
        usable = bool(bounds) and ordered and len(counts) <= MAX_BUCKETS
        buckets = ExplicitBuckets(bounds, counts) if usable else None
    else:
        buckets = _exponential(point)
    return Distribution(
        start,
        time,
        point.count,
        point.sum if point.HasField("sum") and math.isfinite(point.sum) else None,
        buckets,
        point.min if point.HasField("min") and math.isfinite(point.min) else None,
        point.max if point.HasField("max") and math.isfinite(point.max) else None,
    )


def _exponential(point: ExponentialHistogramDataPoint) -> ExponentialBuckets | None:
    sizes = len(point.positive.bucket_counts), len(point.negative.bucket_counts)
    if point.scale not in _SCALES or max(sizes) > MAX_BUCKETS:
        return None
    return ExponentialBuckets(
        point.scale,
        point.zero_count,
        _indexed(point.positive.offset, point.positive.bucket_counts),
        _indexed(point.negative.offset, point.negative.bucket_counts),
    )


def _indexed(offset: int, counts: Iterable[int]) -> dict[int, int]:
    return {offset + i: count for i, count in enumerate(counts) if count}
