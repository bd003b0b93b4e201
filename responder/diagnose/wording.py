"""Evidence in words: what was measured before and now, each clause with the id it rests on."""

import math
from collections.abc import Sequence

from detector import AnomalyReason, Evidence, Forecast
from responder.diagnose.reading import ALERT_SIGNAL, LogFinding, Reading
from responder.quantity import amount, percent, span, times
from responder.redaction import citation, name, quoted
from responder.series_name import series_name, signal_name


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
            count = evidence.now if evidence.now is not None and math.isfinite(evidence.now) else 1.0
            return f"it restarted {times(round(count))}" if count >= 2 else "it restarted"
        case AnomalyReason.FATAL_LOG:
            return "it logged a fatal error"
        case AnomalyReason.NEW_ERROR_LOG:
            return "it logged an error not seen before"
        case _:
            return ""


def _measured(evidence: Evidence) -> str:
    """Without a verb that has to agree with the name, which may be one thing or many."""
    noun = series_name(evidence.series, evidence.signal)
    if evidence.now is None:
        return f"{noun} out of the normal range"
    now = amount(evidence.now, evidence.unit, evidence.series)
    before = "" if evidence.before is None else amount(evidence.before, evidence.unit, evidence.series)
    if not before or before == now:
        return f"{noun} at {now}"
    verb = "rose" if evidence.now >= (evidence.before or 0.0) else "fell"
    return f"{noun} {verb} from {before} to {now}"


def traffic(reading: Reading) -> str:
    """What the request rate did meanwhile, with citation; empty where the evidence does not say."""
    growth = reading.traffic_growth
    if growth is None:
        return ""
    cited = next((citation(e.id) for e in reading.evidence if e.signal == "request_rate"), "")
    if growth >= 1.05:
        how = f"the request rate is {growth:.1f} times the usual"
    elif growth > 0.95:
        how = "the request rate is as usual"
    else:
        how = (
            f"the request rate fell to {percent(growth)} of the usual"
            if growth >= 0.02
            else "hardly any requests come in"
        )
    return f"{how} {cited}".rstrip()


def forecast(limit: Forecast | None, signal: str) -> str:
    """When the resource will be used up, if that is foreseen; empty where it is not."""
    if limit is None or not math.isfinite(limit.seconds_to_limit):
        return ""
    if limit.seconds_to_limit <= 0:
        return f"The limit of {signal_name(signal)} is reached."
    return f"At this pace the limit is reached in about {span(max(1.0, limit.seconds_to_limit))}."


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
