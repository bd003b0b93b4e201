"""The detector's metrics about itself, each named once; the same figures answer `GET /stats`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

from detector.incident import IncidentType
from detector.report.telemetry import SCOPE


@dataclass(frozen=True, slots=True)
class Stats:
    """What the detector has done since it started, and what it holds now."""

    requests: int
    """OTLP requests accepted."""
    refused: int
    """OTLP requests refused for lack of room; the sender tries again."""
    unparsable: int
    """OTLP requests that did not parse."""
    queued: int
    """Requests accepted and not yet judged."""
    points: int
    """Samples read from requests and judged."""
    points_unusable: int
    """Data points of metrics that can never be used."""
    points_dropped: int
    """Data points dropped at a bound on streams, attributes or metrics."""
    series: int
    """Series known."""
    series_refused: int
    """Samples dropped because the bound on series or instances is reached."""
    failures: int
    """Batches and ticks whose judgement raised an error and was skipped."""
    incidents_open: int
    """Incidents open now."""
    reports_pending: int
    """Incidents the listener has not acknowledged yet."""
    reports_acknowledged: int
    """Revisions of incidents the listener acknowledged."""
    reports_failed: int
    """Attempts to report that failed and are tried again."""
    reports_dropped: int
    """Reports dropped: refused by the listener for good, or pushed out by too many others."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of the detector's own: name, instrument, unit (UCUM) and meaning."""

    name: str
    instrument: str
    unit: str
    description: str
    stat: str = ""  # the field of `Stats` it shows, where it shows one


INCIDENTS_OPENED = Metric(
    "aegisops.detector.incidents.opened",
    "counter",
    "{incident}",
    "Incidents opened, by `aegisops.incident.type`.",
)
INCIDENTS_OPEN = Metric(
    "aegisops.detector.incidents.open",
    "gauge",
    "{incident}",
    "Incidents open now, by `aegisops.incident.type`.",
)
REPORT_LATENCY = Metric(
    "aegisops.detector.report.latency",
    "histogram",
    "s",
    "From handing an incident to the reporter until the listener acknowledged it.",
)


def _counted(name: str, unit: str, stat: str, description: str) -> Metric:
    return Metric(f"aegisops.detector.{name}", "counter", unit, description, stat)


def _held(name: str, unit: str, stat: str, description: str) -> Metric:
    return Metric(f"aegisops.detector.{name}", "gauge", unit, description, stat)


METRICS: tuple[Metric, ...] = (
    _counted("requests", "{request}", "requests", "OTLP requests accepted."),
    _counted("requests.refused", "{request}", "refused", "OTLP requests refused for lack of room."),
    _counted("requests.unparsable", "{request}", "unparsable", "OTLP requests that did not parse."),
    _held("queue.depth", "{request}", "queued", "OTLP requests accepted and not yet judged."),
    _counted("points", "{point}", "points", "Samples read from OTLP requests and judged."),
    _counted("points.unusable", "{point}", "points_unusable", "Data points that can never be used."),
    _counted("points.dropped", "{point}", "points_dropped", "Data points dropped at a bound."),
    _held("series", "{series}", "series", "Series known."),
    _counted("series.refused", "{point}", "series_refused", "Samples dropped at the bound on series."),
    _counted("failures", "{failure}", "failures", "Batches and ticks whose judgement raised an error."),
    _held("reports.pending", "{incident}", "reports_pending", "Incidents not yet acknowledged."),
    _counted("reports.failed", "{attempt}", "reports_failed", "Attempts to report that are tried again."),
    _counted("reports.dropped", "{incident}", "reports_dropped", "Reports given up for good."),
    INCIDENTS_OPENED,
    INCIDENTS_OPEN,
    REPORT_LATENCY,
)
"""Every metric the detector emits about itself."""


class HealthMetrics:
    """Emits `METRICS`: counts what it is told of, and reads the rest once it knows where (`observe`)."""

    def __init__(self, provider: MeterProvider) -> None:
        self._meter = provider.get_meter(SCOPE)
        self._opened = self._meter.create_counter(
            INCIDENTS_OPENED.name, INCIDENTS_OPENED.unit, INCIDENTS_OPENED.description
        )
        self._latency = self._meter.create_histogram(
            REPORT_LATENCY.name, REPORT_LATENCY.unit, REPORT_LATENCY.description
        )

    def observe(
        self, stats: Callable[[], Stats], open_by_type: Callable[[], Mapping[IncidentType, int]]
    ) -> None:
        """Read these, on the exporter's thread, each time metrics are exported. Both must be quick."""
        for metric in METRICS:
            if metric.stat:
                _observe(self._meter, metric, _reading(stats, metric.stat))
        _observe(self._meter, INCIDENTS_OPEN, lambda: _by_type(open_by_type()))

    def incident_opened(self, kind: IncidentType) -> None:
        """Count an incident that was just opened."""
        self._opened.add(1, {"aegisops.incident.type": kind.value})

    def report_acknowledged(self, seconds: float) -> None:
        """Record how long an acknowledged report had waited."""
        self._latency.record(seconds)


def _observe(meter: Meter, metric: Metric, read: Callable[[], Iterable[Observation]]) -> None:
    def callback(_: CallbackOptions) -> Iterable[Observation]:
        return read()

    if metric.instrument == "counter":
        meter.create_observable_counter(metric.name, [callback], metric.unit, metric.description)
    else:
        meter.create_observable_gauge(metric.name, [callback], metric.unit, metric.description)


def _reading(stats: Callable[[], Stats], field: str) -> Callable[[], Iterable[Observation]]:
    return lambda: [Observation(getattr(stats(), field))]


def _by_type(counts: Mapping[IncidentType, int]) -> Iterable[Observation]:
    return [Observation(counts.get(kind, 0), {"aegisops.incident.type": kind.value}) for kind in IncidentType]
