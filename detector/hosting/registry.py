"""What a process may tell of itself, as plain data, and the instruments that are made from it.

The documentation is written from the same data, and a test holds a real run to it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation


class Instrument(StrEnum):
    """What kind of metric it is. A gauge is read when metrics are exported."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name and what stands under it; `values`: all there can be, where that is a closed set."""

    name: str
    description: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its unit in UCUM, its attributes, and for a histogram the upper bounds of its buckets.

    `from_zero`: a counter that tells 0 for each combination of its values from the start, so that the first
    event is seen as an increase.
    """

    name: str
    instrument: Instrument
    unit: str
    description: str
    attributes: tuple[Attribute, ...] = ()
    buckets: tuple[float, ...] = ()
    from_zero: bool = False


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """An event on a span."""

    name: str
    description: str
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class SpanType:
    """Spans of one name; of one beginning, where `variable` says what follows it."""

    name: str
    description: str
    attributes: tuple[Attribute, ...]
    events: tuple[SpanEvent, ...] = ()
    variable: str = ""

    def named(self, rest: str) -> str:
        """The name of one such span."""
        return f"{self.name} {rest}"


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A log record with an event name, for machines to pick out."""

    name: str
    description: str
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Registry:
    """All that the scope `scope` tells."""

    scope: str
    metrics: tuple[Metric, ...]
    spans: tuple[SpanType, ...]
    events: tuple[LogEvent, ...]

    @classmethod
    def of(cls, scope: str, names: Mapping[str, object]) -> "Registry":
        """What is among the `names` of a module."""
        return cls(
            scope,
            tuple(one for one in names.values() if isinstance(one, Metric)),
            tuple(one for one in names.values() if isinstance(one, SpanType)),
            tuple(one for one in names.values() if isinstance(one, LogEvent)),
        )


def counter(meter: Meter, metric: Metric) -> Counter:
    """The counter that `metric` describes."""
    made = meter.create_counter(metric.name, metric.unit, metric.description)
    if metric.from_zero:
        names = [one.name for one in metric.attributes]
        for values in product(*(one.values for one in metric.attributes)):
            made.add(0, dict(zip(names, values, strict=True)))
    return made


def histogram(meter: Meter, metric: Metric) -> Histogram:
    """The histogram that `metric` describes."""
    return meter.create_histogram(
        metric.name,
        metric.unit,
        metric.description,
        explicit_bucket_boundaries_advisory=list(metric.buckets) or None,
    )


def observe(meter: Meter, metric: Metric, read: Callable[[], Iterable[Observation]]) -> None:
    """Emit `metric` by what `read` answers on the exporter's thread, each time metrics are exported."""

    def callback(_: CallbackOptions) -> Iterable[Observation]:
        return read()

    if metric.instrument is Instrument.COUNTER:
        meter.create_observable_counter(metric.name, [callback], metric.unit, metric.description)
    else:
        meter.create_observable_gauge(metric.name, [callback], metric.unit, metric.description)
