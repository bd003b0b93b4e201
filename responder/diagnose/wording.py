"""Evidence in words: what was measured before and now, each clause with the id it rests on."""

import math
from collections.abc import Sequence

from detector import AnomalyReason, Evidence, Forecast
from responder.diagnose.reading import ALERT_SIGNAL, LogFinding, Reading
from responder.diagnose.untrusted import citation, name, quoted, sanitised

_NOUNS = {
    "memory": "memory use",
    "cpu": "processor use",
    "disk": "disk use",
    "db_pool": "pressure on the database connection pool",
    "db_latency": "database latency",
    "client_latency": "latency of outgoing calls",
    "server_latency": "response time",
    "error_ratio": "the share of failing requests",
    "error_logs": "the rate of error logs",
    "request_rate": "the request rate",
    "restarts": "the number of restarts",
    "gc": "garbage collection",
    "queue": "the backlog",
    "network_errors": "failing outgoing calls",
}
_SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def amount(value: float, unit: str, series: str = "") -> str:
    """A value with its UCUM unit as people write it: `78 %`, `340 ms`, `1.2 GB`, `12 per second`."""
    if not math.isfinite(value):
        return "an unknown value"
    stat = series.rpartition(":")[2]
    if (
        stat in ("share", "error_ratio")
        or (unit == "1" and abs(value) <= 1.5)
        or (unit, stat) == ("s", "rate")
    ):
        return f"{value * 100:.3g} %" if abs(value) < 10 else f"{value * 100:.0f} %"
    if unit == "%":
        return f"{value:.3g} %"
    if unit in ("s", "ms", "us", "ns"):
        return _duration(value * {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[unit])
    if unit in ("By", "bytes"):
        return _scaled(value, "B")
    number = _scaled(value, "") if abs(value) >= 10_000 else f"{value:.3g}"
    rate = stat in ("rate", "count_rate") or unit.endswith("/s")
    return f"{number} per second" if rate else number


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if abs(seconds) < 1 else f"{seconds:.3g} s"


def _scaled(value: float, suffix: str) -> str:
    for factor, letter in _SCALES:
        if abs(value) >= factor:
            return f"{value / factor:.3g} {letter}{suffix}"
    return f"{value:.3g} {suffix}".rstrip()


def clause(evidence: Evidence) -> str:
    """One piece of evidence as a clause with its citation."""
    cited = citation(evidence.id)
    text = _alerted(evidence) or _lifecycle(evidence) or _measured(evidence)
    return f"{text} {cited}" if cited else text


def _alerted(evidence: Evidence) -> str:
    return "an alert came in" if evidence.signal == ALERT_SIGNAL else ""


def _lifecycle(evidence: Evidence) -> str:
    seconds = evidence.last_seen - evidence.first_seen
    if evidence.reason is AnomalyReason.SILENT and evidence.unit == "s" and evidence.now is not None:
        seconds = evidence.now
    seconds = max(0.0, seconds) if math.isfinite(seconds) else 0.0
    match evidence.reason:
        case AnomalyReason.SILENT:
            return f"nothing was heard from it for {seconds:.0f} s" if seconds >= 1 else "it fell silent"
        case AnomalyReason.RESTARTED:
            times = evidence.now if evidence.now is not None and math.isfinite(evidence.now) else 1.0
            return f"it restarted {times:.0f} times" if times >= 2 else "it restarted"
        case AnomalyReason.FATAL_LOG:
            return "it logged a fatal error"
        case AnomalyReason.NEW_ERROR_LOG:
            return "it logged an error not seen before"
        case _:
            return ""


def _measured(evidence: Evidence) -> str:
    noun = _NOUNS.get(evidence.signal) or sanitised(evidence.series, 60) or "a series"
    if evidence.now is None:
        return f"{noun} is out of its normal range"
    now = amount(evidence.now, evidence.unit, evidence.series)
    if evidence.before is None:
        return f"{noun} is at {now}"
    before = amount(evidence.before, evidence.unit, evidence.series)
    verb = "rose" if evidence.now >= evidence.before else "fell"
    return f"{noun} {verb} from {before} to {now}"


def traffic(reading: Reading) -> str:
    """What the request rate did meanwhile, with citation; empty where the evidence does not say."""
    growth = reading.traffic_growth
    if growth is None:
        return ""
    cited = next((citation(e.id) for e in reading.evidence if e.signal == "request_rate"), "")
    how = f"{growth:.1f} times the usual" if growth >= 1.05 or growth <= 0.95 else "as usual"
    return f"the request rate is {how} {cited}".rstrip()


def forecast(limit: Forecast | None, signal: str) -> str:
    """When the resource will be used up, if that is foreseen; empty where it is not."""
    if limit is None or not math.isfinite(limit.seconds_to_limit):
        return ""
    if limit.seconds_to_limit <= 0:
        return f"The limit of {_NOUNS.get(signal, 'the resource')} is reached."
    return f"At this pace the limit is reached in about {_span(limit.seconds_to_limit)}."


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def log_clause(findings: Sequence[LogFinding]) -> str:
    """The first matching log line, quoted around what matched; empty where there is none."""
    if not findings:
        return ""
    first = findings[0]
    quote = quoted(first.line, first.start, first.end)
    return f"its log says {quote} {citation(first.evidence.id)}".rstrip()


def peer(reading: Reading) -> str:
    """Whom the slow calls go to, in words."""
    peers = reading.peers
    return name(peers[0]) if len(peers) == 1 else "a service it calls"


def joined(parts: Sequence[str]) -> str:
    """`a, b and c` of the parts that are not empty."""
    present = [part for part in parts if part]
    return (
        present[0]
        if len(present) == 1
        else ", ".join(present[:-1]) + f" and {present[-1]}"
        if present
        else ""
    )
