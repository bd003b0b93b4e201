"""What histogram points mean: observations per second, their mean and their 95th percentile."""

from collections.abc import Iterator

from detector.normalise.attributes import SeriesAttributes
from detector.normalise.decode import Distribution, Distributions, Spelling
from detector.normalise.distribution import Observed, merged, quantile, since, whole
from detector.normalise.stream_time import Step, StreamTime, first_seconds
from detector.normalise.streams import (
    MIN_GAP_S,
    HistogramStream,
    KnownMetric,
    Reading,
    StreamLimits,
    delta_seconds,
)
from detector.series import Origin, SeriesKey, SeriesRegistry, Stat

COUNT_UNIT = "1"


class HistogramReader:
    """Reads histogram points (explicit, exponential, summaries' counts) into samples of the interval.

    COUNT_RATE for every interval, also when nothing was observed, and RATE of the sum where it is time spent;
    MEAN and P95 only when something was.
    Where unbounded attributes were taken off, histograms are merged.
    """

    def __init__(self, registry: SeriesRegistry, limits: StreamLimits) -> None:
        self._registry = registry
        self._limits = limits

    def read(self, columns: Distributions, reading: Reading) -> None:
        """Add what the points of one metric come to."""
        if not columns.points:
            return
        kind = "delta" if columns.delta else "cumulative"
        metric = reading.streams.metric(columns.name, columns.unit, kind)
        reading.streams.exports(reading.sane(max(point.time for point in columns.points)))
        together: dict[SeriesAttributes, tuple[HistogramStream, float, Observed, float]] = {}
        for spelled, point in zip(columns.spellings, columns.points, strict=True):
            point.time = point.time or reading.received_at
            stream = metric.histograms.get(spelled)
            if stream is None:
                stream = self._open(metric, columns.delta, spelled, point, reading)
                if stream is None:
                    continue
                interval = _first(stream, columns.delta, point, reading)
            else:
                interval = _next(stream, columns.delta, point, reading)
            if interval is None:
                continue
            observed, seconds = interval
            before = together.get(stream.attributes) if stream.folded else None
            if before is not None:
                observed, seconds = merged(before[2], observed), max(before[3], seconds)
            if stream.folded:
                together[stream.attributes] = (stream, reading.sane(point.time), observed, seconds)
            else:
                self._add(metric, stream, (observed, seconds), reading.sane(point.time), reading)
        for stream, at, observed, seconds in together.values():
            self._add(metric, stream, (observed, seconds), at, reading)

    def _open(
        self, metric: KnownMetric, delta: bool, spelled: Spelling, point: Distribution, reading: Reading
    ) -> HistogramStream | None:
        kept = self._limits.admit(reading, metric, spelled)
        if kept is None:
            return None
        time = StreamTime(point.start, point.time)
        stream = HistogramStream(time, whole(point), kept.attributes, kept.folded)
        metric.histograms[spelled] = stream
        if delta:
            reading.streams.deltas.append(stream)
        return stream

    def _add(
        self,
        metric: KnownMetric,
        stream: HistogramStream,
        interval: tuple[Observed, float],
        at: float,
        reading: Reading,
    ) -> None:
        service = reading.instance.id.service
        for stat, value in _statistics(metric, *interval):
            if stat not in stream.slots:
                unit = COUNT_UNIT if stat is Stat.COUNT_RATE else metric.unit
                key = SeriesKey(service, metric.name, stat, unit, Origin.METRIC, stream.attributes)
                stream.slots[stat] = self._registry.series_slot(key)
            reading.out.add(stream.slots[stat], reading.instance.slot, at, value)


def _first(
    stream: HistogramStream, delta: bool, point: Distribution, reading: Reading
) -> tuple[Observed, float] | None:
    """What the first point of a stream stands for, and for how many seconds; None where not known."""
    if delta:
        seconds = reading.first_delta_seconds(point.start, point.time)
    else:
        previous, instance_start = reading.streams.exported_before, reading.instance.started_at
        seconds = first_seconds(point.start, point.time, previous, instance_start)
        reading.began(point.start)
    return (stream.last, seconds) if seconds is not None else None


def _next(
    stream: HistogramStream, delta: bool, point: Distribution, reading: Reading
) -> tuple[Observed, float] | None:
    """What a further point adds, and over how many seconds; None where it says nothing new."""
    if delta:
        if stream.time.place(0.0, point.time) is not Step.NEXT:
            return None
        return whole(point), delta_seconds(stream.time, point.start, point.time)
    step = stream.time.place(point.start, point.time, MIN_GAP_S)
    if step is Step.IGNORED:
        return None
    reading.began(point.start, step)
    now = whole(point)
    before, stream.last = stream.last, now
    if step is Step.ANEW:
        return None
    observed = now if step is Step.RESET else since(before, now) or now
    return observed, stream.time.seconds


def _statistics(metric: KnownMetric, observed: Observed, seconds: float) -> Iterator[tuple[Stat, float]]:
    yield Stat.COUNT_RATE, observed.count / seconds
    if metric.time_spent and observed.total is not None:
        yield Stat.RATE, observed.total / seconds
    mean = observed.mean
    if mean is not None:
        yield Stat.MEAN, mean
    p95 = quantile(observed, 0.95)
    if p95 is not None:
        yield Stat.P95, p95
