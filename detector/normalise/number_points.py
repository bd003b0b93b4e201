"""What number points mean: levels stay as they are, counters become rates per second, usages shares."""

from detector.normalise.decode import Kind, Numbers, Spelling
from detector.normalise.shares import Level, Share, ShareRules, without_state
from detector.normalise.stream_time import Step, StreamTime, first_seconds
from detector.normalise.streams import (
    MIN_GAP_S,
    InstanceStreams,
    KnownMetric,
    NumberStream,
    Reading,
    StreamLimits,
    delta_seconds,
)
from detector.series import Origin, SeriesKey, SeriesRegistry, Stat


class NumberReader:
    """Reads number points into VALUE, RATE and SHARE samples.

    Gauges and non-monotonic sums give VALUE (delta ones are added up from when they were first seen),
    monotonic sums RATE. Where unbounded attributes were taken off, sums are added and of gauges the
    highest counts. A usage with a known limit gives SHARE beside its VALUE.
    """

    def __init__(self, registry: SeriesRegistry, limits: StreamLimits, rules: ShareRules) -> None:
        self._registry = registry
        self._limits = limits
        self._rules = rules

    def read(self, columns: Numbers, reading: Reading) -> None:
        """Add what the points of one metric come to."""
        if not columns.times:
            return
        received_at, slot, out = reading.received_at, reading.instance.slot, reading.out
        kind = columns.kind
        metric = reading.streams.metric(columns.name, columns.unit, kind.name)
        reading.streams.exports(reading.sane(max(columns.times)))
        together: dict[int, tuple[float, float]] = {}
        for spelled, start, sent, value in zip(
            columns.spellings, columns.starts, columns.times, columns.values, strict=True
        ):
            time = sent or received_at
            stream = metric.numbers.get(spelled)
            if stream is None:
                stream = self._open(metric, kind, spelled, StreamTime(start, time), reading)
                if stream is None:
                    continue
                sample = _first(stream, kind, value, reading)
            elif kind is Kind.TOTAL:
                sample = _next_total(stream, start, time, value, reading)
            else:
                sample = _next(stream, kind, start, time, value)
            if sample is None or stream.series is None:
                continue
            at = reading.sane(time)
            if stream.folded:
                _fold(together, stream.series, at, sample, columns.additive)
            else:
                out.add(stream.series, slot, at, sample)
            if stream.share is not None:
                reading.touched[id(stream.share)] = (stream.share, at)
        for series, (at, sample) in together.items():
            out.add(series, slot, at, sample)

    def add_shares(self, reading: Reading) -> None:
        """Add the shares whose usage came in this request, once all of the request is read."""
        service, slot = reading.instance.id.service, reading.instance.slot
        for share, at in reading.touched.values():
            value = share.value(reading.streams.levels)
            if value is not None:
                key = SeriesKey(service, share.metric, Stat.SHARE, "1", Origin.METRIC, share.attributes)
                reading.out.add_to(key, slot, at, value)

    def _open(
        self, metric: KnownMetric, kind: Kind, spelled: Spelling, time: StreamTime, reading: Reading
    ) -> NumberStream | None:
        kept = self._limits.admit(reading, metric, spelled)
        if kept is None:
            return None
        streams = reading.streams
        stat = Stat.VALUE if kind in (Kind.LEVEL, Kind.LEVEL_CHANGE) else Stat.RATE
        key = SeriesKey(
            reading.instance.id.service, metric.name, stat, metric.unit, Origin.METRIC, kept.attributes
        )
        stream = NumberStream(time, Level(0.0, time.time), self._registry.series_slot(key), kept.folded)
        metric.numbers[spelled] = stream
        if kind is Kind.INCREASE:
            streams.deltas.append(stream)
        elif stat is Stat.VALUE and not kept.folded:
            streams.levels[metric.name, kept.attributes] = stream.level
            stream.share = self._share(metric.name, kept.attributes, stream.level, streams)
        return stream

    def _share(
        self, name: str, attributes: tuple[tuple[str, str], ...], level: Level, streams: InstanceStreams
    ) -> Share | None:
        rule = self._rules.of_usage(name)
        if rule is None:
            return None
        rest, state = without_state(attributes) if rule.used else (attributes, "")
        share = streams.shares.get((name, rest))
        if share is None:
            share = streams.shares[name, rest] = Share(name, rest, rule)
        share.states[state] = level
        return share


def _fold(
    together: dict[int, tuple[float, float]], series: int, at: float, sample: float, additive: bool
) -> None:
    before = together.get(series)
    if before is not None:
        sample = before[1] + sample if additive else max(before[1], sample)
    together[series] = (at, sample)


def _first(stream: NumberStream, kind: Kind, value: float, reading: Reading) -> float | None:
    """The sample of a stream's first point."""
    stream.level.value = value
    if kind in (Kind.LEVEL, Kind.LEVEL_CHANGE):
        return value
    at = stream.time
    if kind is Kind.INCREASE:
        seconds = reading.first_delta_seconds(at.start, at.time)
    else:
        seconds = first_seconds(
            at.start, at.time, reading.streams.exported_before, reading.instance.started_at
        )
        reading.began(at.start)
    return value / seconds if seconds is not None and value >= 0.0 else None


def _next_total(
    stream: NumberStream, start: float, time: float, value: float, reading: Reading
) -> float | None:
    """The rate that a further point of a cumulative counter gives; a falling count is a reset."""
    step = stream.time.place(start, time, MIN_GAP_S)
    if step is Step.IGNORED:
        return None
    reading.began(start, step)
    before, stream.level.value = stream.level.value, value
    if step is Step.ANEW:
        return None
    increase = value if step is Step.RESET or value < before else value - before
    return increase / stream.time.seconds if increase >= 0.0 else None


def _next(stream: NumberStream, kind: Kind, start: float, time: float, value: float) -> float | None:
    """The sample of a further point of a level or of a delta counter."""
    step = stream.time.place(0.0, time)
    if step is Step.IGNORED:
        return None
    if kind is Kind.INCREASE:
        known = value >= 0.0 and step is Step.NEXT
        return value / delta_seconds(stream.time, start, time) if known else None
    stream.level.value = stream.level.value + value if kind is Kind.LEVEL_CHANGE else value
    stream.level.time = time
    return stream.level.value
