"""The detector's metrics about itself; the counts without attributes also answer `GET /stats`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from opentelemetry.metrics import MeterProvider, Observation

from detector.hosting.registry import counter, histogram, observe
from detector.hosting.trace_context import context_of
from detector.incident import Incident, IncidentType
from detector.report import telemetry_registry as told


@dataclass(frozen=True, slots=True)
class Stats:
    """What the detector has done since it started, and what it holds now."""

    requests: int
    """OTLP requests taken to be judged."""
    refused: int
    """OTLP requests refused for lack of room or time; the sender tries again."""
    unparsable: int
    """OTLP requests that did not parse."""
    queued: int
    """Requests that wait to be judged."""
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


READ_FROM_STATS = (
    (told.REQUESTS, "requests"),
    (told.REQUESTS_REFUSED, "refused"),
    (told.REQUESTS_UNPARSABLE, "unparsable"),
    (told.QUEUE_DEPTH, "queued"),
    (told.POINTS, "points"),
    (told.POINTS_UNUSABLE, "points_unusable"),
    (told.POINTS_DROPPED, "points_dropped"),
    (told.SERIES, "series"),
    (told.SERIES_REFUSED, "series_refused"),
    (told.FAILURES, "failures"),
    (told.REPORTS_PENDING, "reports_pending"),
    (told.REPORTS_FAILED, "reports_failed"),
    (told.REPORTS_DROPPED, "reports_dropped"),
)
"""Each with the field of `Stats` it shows."""


class HealthMetrics:
    """Counts what it is told of, and reads the rest once it knows where (`observe`)."""

    def __init__(self, provider: MeterProvider) -> None:
        self._meter = meter = provider.get_meter(told.SCOPE)
        self._opened = counter(meter, told.INCIDENTS_OPENED)
        self._detected = histogram(meter, told.TIME_TO_DETECT)
        self._latency = histogram(meter, told.REPORT_LATENCY)
        self._lag = histogram(meter, told.LAG)
        self._judge = histogram(meter, told.JUDGE_DURATION)

    def observe(
        self, stats: Callable[[], Stats], open_by_type: Callable[[], Mapping[IncidentType, int]]
    ) -> None:
        """Read these, on the exporter's thread, each time metrics are exported. Both must be quick."""
        for metric, field in READ_FROM_STATS:
            observe(self._meter, metric, _reading(stats, field))
        observe(self._meter, told.INCIDENTS_OPEN, lambda: _by_type(open_by_type()))

    def incident_opened(self, incident: Incident) -> None:
        """Count an incident that was just opened, and how long that took."""
        kind = {told.TYPE.name: incident.type.value}
        self._opened.add(1, kind)
        seconds = max(0.0, incident.opened_at - incident.started_at)
        self._detected.record(seconds, kind, context_of(incident.traceparent))

    def judged(self, since_receipt_s: float, took_s: float) -> None:
        """A request was judged: so long after its receipt, and the judgement took so long of it."""
        self._lag.record(max(0.0, since_receipt_s))
        self._judge.record(took_s)

    def report_acknowledged(self, seconds: float) -> None:
        """Record how long an acknowledged report had waited."""
        self._latency.record(seconds)


def _reading(stats: Callable[[], Stats], field: str) -> Callable[[], Iterable[Observation]]:
    return lambda: [Observation(getattr(stats(), field))]


def _by_type(counts: Mapping[IncidentType, int]) -> Iterable[Observation]:
    return [Observation(counts.get(kind, 0), {told.TYPE.name: kind.value}) for kind in IncidentType]
