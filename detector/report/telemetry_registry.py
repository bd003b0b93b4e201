"""Every metric, span and log event of the detector, as plain data."""

from detector.classify.meaning import Signal
from detector.hosting.registry import Attribute, Instrument, LogEvent, Metric, Registry, SpanEvent, SpanType
from detector.incident import AnomalyReason, IncidentState, IncidentType, Severity

SCOPE = "aegisops.detector"

SECONDS_TO_DETECT = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0)
SECONDS_OF_WORK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

TYPE = Attribute("aegisops.incident.type", "its type", tuple(IncidentType))
INCIDENT = Attribute("aegisops.incident.id", "the incident")
INCIDENT_SERVICE = Attribute("aegisops.incident.service", "the service it is about, by `service.name`")
SEVERITY = Attribute("aegisops.incident.severity", "how urgent it is", tuple(Severity))
CONFIDENCE = Attribute("aegisops.incident.confidence", "how sure the type is, 0 to 1")
PREVIOUS = Attribute("aegisops.incident.previous_id", "the one before, when the same fault came back")
INCIDENT_STATE = Attribute("aegisops.incident.state", "where the detector has it", tuple(IncidentState))
SERVICE = Attribute(
    "aegisops.service", "a service that is watched: `service.namespace/service.name`, or the name alone"
)
SIGNAL = Attribute("aegisops.signal", "what its series mean", tuple(Signal))
UNIT = Attribute("aegisops.signal.unit", "the unit of the value, as the service sends it")
EVIDENCE = Attribute("aegisops.evidence.id", "the evidence within its incident")
EVIDENCE_SERIES = Attribute("aegisops.evidence.series", "the series, or what else it was seen in")
EVIDENCE_SIGNAL = Attribute("aegisops.evidence.signal", "what the series means", tuple(Signal))
EVIDENCE_REASON = Attribute("aegisops.evidence.reason", "why it is not normal", tuple(AnomalyReason))
EVIDENCE_SCORE_OF = Attribute("aegisops.evidence.score", "the probability that it is not normal")
EVIDENCE_BEFORE = Attribute("aegisops.evidence.before", "the usual value")
EVIDENCE_NOW = Attribute("aegisops.evidence.now", "the most telling value seen")


def _counted(name: str, unit: str, description: str) -> Metric:
    return Metric(f"aegisops.detector.{name}", Instrument.COUNTER, unit, description)


def _held(name: str, unit: str, description: str, *attributes: Attribute) -> Metric:
    return Metric(f"aegisops.detector.{name}", Instrument.GAUGE, unit, description, attributes)


def _of_signal(name: str, unit: str, description: str, *attributes: Attribute) -> Metric:
    return Metric(
        f"aegisops.signal.{name}", Instrument.GAUGE, unit, description, (SERVICE, SIGNAL, *attributes)
    )


def _of_evidence(name: str, unit: str, description: str) -> Metric:
    attributes = (INCIDENT, SERVICE, EVIDENCE, EVIDENCE_SIGNAL, EVIDENCE_SERIES, UNIT)
    return Metric(f"aegisops.evidence.{name}", Instrument.GAUGE, unit, description, attributes)


REQUESTS = _counted("requests", "{request}", "OTLP requests taken to be judged")
REQUESTS_REFUSED = _counted(
    "requests.refused", "{request}", "OTLP requests refused for lack of room or time; the sender tries again"
)
REQUESTS_UNPARSABLE = _counted("requests.unparsable", "{request}", "OTLP requests that did not parse")
QUEUE_DEPTH = _held("queue.depth", "{request}", "OTLP requests that wait to be judged")
LAG = Metric(
    "aegisops.detector.lag",
    Instrument.HISTOGRAM,
    "s",
    "from the receipt of an OTLP request until it is judged",
    buckets=SECONDS_OF_WORK,
)
JUDGE_DURATION = Metric(
    "aegisops.detector.judge.duration",
    Instrument.HISTOGRAM,
    "s",
    "how long the judgement of an OTLP request took",
    buckets=SECONDS_OF_WORK,
)
POINTS = _counted("points", "{point}", "samples read and judged")
POINTS_UNUSABLE = _counted("points.unusable", "{point}", "data points that can never be used")
POINTS_DROPPED = _counted("points.dropped", "{point}", "data points dropped at a bound")
SERIES = _held("series", "{series}", "series known")
SERVICE_SERIES = _held("service.series", "{series}", "series known of a service", SERVICE)
SERIES_REFUSED = _counted("series.refused", "{point}", "samples dropped at the bound on series or instances")
FAILURES = _counted(
    "failures", "{failure}", "batches and ticks whose judgement raised an error and was skipped"
)
INCIDENTS_OPENED = Metric(
    "aegisops.detector.incidents.opened",
    Instrument.COUNTER,
    "{incident}",
    "incidents opened",
    (TYPE,),
    from_zero=True,
)
INCIDENTS_OPEN = _held("incidents.open", "{incident}", "incidents open now", TYPE)
TIME_TO_DETECT = Metric(
    "aegisops.detector.time_to_detect",
    Instrument.HISTOGRAM,
    "s",
    "from the first anomaly of an incident until it is opened; exemplars lead to its trace",
    (TYPE,),
    SECONDS_TO_DETECT,
)
REPORTS_PENDING = _held("reports.pending", "{incident}", "incidents not yet acknowledged by the listener")
REPORTS_FAILED = _counted("reports.failed", "{attempt}", "attempts to report that are tried again")
REPORTS_DROPPED = _counted("reports.dropped", "{incident}", "reports given up for good")
REPORT_LATENCY = Metric(
    "aegisops.detector.report.latency",
    Instrument.HISTOGRAM,
    "s",
    "from the report of an incident until it is acknowledged",
    buckets=SECONDS_OF_WORK,
)

SIGNAL_VALUE = _of_signal("value", "{value}", "a service's worst series of a signal, as it is now", UNIT)
SIGNAL_LOW = _of_signal(
    "low", "{value}", "lower end of its normal range, where that way is bad and enough is known", UNIT
)
SIGNAL_HIGH = _of_signal(
    "high", "{value}", "upper end of its normal range, where that way is bad and enough is known", UNIT
)
SIGNAL_SCORE = _of_signal("score", "1", "the probability that this value is not normal")
SIGNAL_SHARE = _of_signal(
    "share", "1", "use of its limit, or calls that fail of all; only where that is known"
)
SIGNAL_TIME_TO_LIMIT = _of_signal(
    "time_to_limit", "s", "when the limit is reached as it goes on; only while a trend runs towards it"
)

EVIDENCE_VALUE = _of_evidence("value", "{value}", "a raising series of an open incident, as it is now")
EVIDENCE_LOW = _of_evidence("low", "{value}", "lower end of its normal range, where there is one")
EVIDENCE_HIGH = _of_evidence("high", "{value}", "upper end of its normal range, where there is one")
EVIDENCE_SCORE = _of_evidence(
    "score", "1", "the probability that the most telling value seen of it is not normal"
)

EVIDENCE_EVENT = SpanEvent(
    "evidence",
    "one for each piece of evidence",
    (
        EVIDENCE,
        EVIDENCE_SERIES,
        EVIDENCE_SIGNAL,
        EVIDENCE_REASON,
        EVIDENCE_SCORE_OF,
        EVIDENCE_BEFORE,
        EVIDENCE_NOW,
    ),
)
DETECT = SpanType(
    "detect",
    "the root of an incident's trace: from the first anomaly to the opening",
    (INCIDENT, TYPE, INCIDENT_SERVICE, SEVERITY, CONFIDENCE, PREVIOUS),
    (EVIDENCE_EVENT,),
)

DETECTED = LogEvent(
    "aegisops.incident.detected",
    "an incident was opened or closed, in the incident's trace",
    (INCIDENT, TYPE, INCIDENT_SERVICE, INCIDENT_STATE),
)

REGISTRY = Registry.of(SCOPE, globals())
