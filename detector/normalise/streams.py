"""What is remembered of an instance's streams between its requests, and of one request while it is read."""

import re
from dataclasses import dataclass, field

from detector.normalise.attributes import AttributeLimits, Kept, SeriesAttributes
from detector.normalise.decode import Spelling
from detector.normalise.distribution import Observed
from detector.normalise.instances import Instance
from detector.normalise.sample_columns import SampleColumns
from detector.normalise.shares import Level, Levels, Share
from detector.normalise.stream_time import Step, StreamTime
from detector.normalise.untrusted_text import clean
from detector.series import Stat

MIN_GAP_S = 0.1
EXPORT_GAP_S = 0.1
_MAX_NAME = 200
_MAX_UNIT = 32
_MAX_METRICS = 10_000
_TIME_SPENT = re.compile(r"(^|[._])gc[._].*(duration|time|pause)")
"""Durations whose sum per second, the share of its time that a process spends so, says more than each."""


@dataclass(slots=True)
class NumberStream:
    """One stream of numbers: its place in time, its last value (of a level: its sum so far), its series."""

    time: StreamTime
    level: Level
    series: int | None
    folded: bool
    share: Share | None = None
    zeroed: float = 0.0

    @property
    def zero_series(self) -> int | None:
        """The series that is 0 while nothing happens."""
        return self.series


@dataclass(slots=True)
class HistogramStream:
    """One stream of histogram points; `slots` of its series, by statistic, as they come up."""

    time: StreamTime
    last: Observed
    attributes: SeriesAttributes
    folded: bool
    slots: dict[Stat, int | None] = field(default_factory=dict)
    zeroed: float = 0.0

    @property
    def zero_series(self) -> int | None:
        """The series that is 0 while nothing happens."""
        return self.slots.get(Stat.COUNT_RATE)


@dataclass(slots=True)
class KnownMetric:
    """The streams of one metric of one instance. `time_spent`: the sum of its histograms is a series, too."""

    name: str
    unit: str
    time_spent: bool = False
    numbers: dict[Spelling, NumberStream] = field(default_factory=dict)
    histograms: dict[Spelling, HistogramStream] = field(default_factory=dict)


@dataclass(slots=True)
class InstanceStreams:
    """All streams of one instance, and the times of its last two exports."""

    metrics: dict[tuple[str, str, str], KnownMetric] = field(default_factory=dict)
    count: int = 0
    exported_at: float | None = None
    exported_before: float | None = None
    deltas: list[NumberStream | HistogramStream] = field(default_factory=list)
    levels: Levels = field(default_factory=dict)
    shares: dict[tuple[str, SeriesAttributes], Share] = field(default_factory=dict)

    def exports(self, time: float) -> None:
        """A metric of an export made at `time` comes in."""
        if self.exported_at is None or time > self.exported_at + EXPORT_GAP_S:
            self.exported_before, self.exported_at = self.exported_at, time

    def metric(self, name: str, unit: str, kind: str) -> KnownMetric:
        """The metric of that name, unit and kind."""
        key = (name, unit, kind)
        metric = self.metrics.get(key)
        if metric is None:
            time_spent = _TIME_SPENT.search(name) is not None
            metric = KnownMetric(clean(name, _MAX_NAME), clean(unit, _MAX_UNIT), time_spent)
            if len(self.metrics) < _MAX_METRICS:
                self.metrics[key] = metric
        return metric


@dataclass(slots=True)
class Reading:
    """One resource's part of one request, being read.

    `touched`: shares with new usage, and when; `earliest_start` and `reset`: of its cumulative streams.
    """

    streams: InstanceStreams
    instance: Instance
    received_at: float
    max_skew_s: float
    out: SampleColumns
    touched: dict[int, tuple[Share, float]] = field(default_factory=dict)
    earliest_start: float = float("inf")
    reset: bool = False

    def sane(self, time: float) -> float:
        """The sender's time, or the time of receipt where the two are too far apart."""
        return time if abs(time - self.received_at) <= self.max_skew_s else self.received_at

    def began(self, start: float, step: Step = Step.NEXT) -> None:
        """A cumulative stream says when it began."""
        if 0.0 < start < self.earliest_start:
            self.earliest_start = start
        if step is Step.RESET:
            self.reset = True

    def first_delta_seconds(self, start: float, time: float) -> float | None:
        """Seconds a stream's first delta point stands for; None when that is not known."""
        began = [at for at in (self.streams.exported_before, start) if at and at < time]
        return max(time - min(began), MIN_GAP_S) if began else None

    def tell_start(self) -> None:
        """The instance's process began with its earliest counter; anew when all counters began anew."""
        start, previous = self.earliest_start, self.streams.exported_before
        if start == float("inf"):
            return
        if self.reset and previous is not None and start > previous:
            self.instance.restarted(start)
        else:
            self.instance.began(start)


def delta_seconds(stream: StreamTime, start: float, time: float) -> float:
    """Seconds a further delta point stands for: since its start, or the last point where it has none."""
    return max(time - start if 0.0 < start < time else stream.seconds, MIN_GAP_S)


class StreamLimits:
    """Whether one more stream may be opened, and with which attributes. `dropped` counts refused points."""

    def __init__(self, attributes: AttributeLimits, max_streams: int) -> None:
        self.attributes = attributes
        self.dropped = 0
        self._max_streams = max_streams

    def admit(self, reading: Reading, metric: KnownMetric, spelled: Spelling) -> Kept | None:
        """The attributes of the new stream's series; None when there is no room for it."""
        kept = None
        if reading.streams.count < self._max_streams:
            kept = self.attributes.kept(reading.instance.id.service, metric.name, spelled)
        if kept is None:
            self.dropped += 1
        else:
            reading.streams.count += 1
        return kept
