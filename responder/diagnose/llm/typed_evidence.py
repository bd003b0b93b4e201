"""An incident for a model, in words of ours alone: enums, numbers, units.

Nothing a service can write stands here (no log line, no metric's, span's, peer's or service's name, no label,
no annotation of a unit), so whatever is injected there cannot be seen, let alone obeyed, by the one who
chooses the action.
"""

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from detector import Evidence, EvidenceKind, IncidentType
from responder.diagnose.reading import ALERT_SIGNAL, LogKind, Reading, strength_of
from responder.incident_record import ActionKind, ActionRecord, Case, Experience

SIGNALS = frozenset(
    {
        "memory", "gc", "cpu", "disk", "db_pool", "db_latency", "client_latency", "network_errors",
        "server_latency", "error_ratio", "request_rate", "error_logs", "queue", "restarts", "silence",
        "alert",
    }
)  # fmt: skip
_STATISTICS = frozenset({"value", "share", "rate", "count_rate", "mean", "p95", "error_ratio"})
_UNITS = frozenset({"1", "s", "ms", "us", "ns", "By", "KiBy", "MiBy", "GiBy", "%", "1/s", "By/s", "Hz"})
_ANNOTATION = re.compile(r"\{[^}]*\}")
_MAX_TYPES = 3
_MAX_ACTIONS = 5


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence under the short name a model cites it by."""

    alias: str
    evidence: Evidence
    measured: bool
    line: str


def exhibits(reading: Reading) -> tuple[Exhibit, ...]:
    """The evidence, strongest first, under `e1`, `e2`, …"""
    says: dict[str, list[str]] = {}
    for kind in LogKind:
        for finding in reading.logs(kind):
            kinds = says.setdefault(finding.evidence.id, [])
            if kind.value not in kinds:
                kinds.append(kind.value)
    return tuple(
        Exhibit(f"e{number}", one, is_measured(one), _line(f"e{number}", one, says.get(one.id, ())))
        for number, one in enumerate(reading.evidence, 1)
    )


def is_measured(evidence: Evidence) -> bool:
    """True where it is more than log text: a number, a span, a crash, the word of an alerting system."""
    return evidence.kind is not EvidenceKind.LOG and evidence.signal not in ("error_logs", "request_rate")


def _line(alias: str, evidence: Evidence, log_kinds: Sequence[str]) -> str:
    parts = [
        f"{alias}:",
        signal(evidence.signal),
        f"({evidence.reason.value}, from {evidence.kind.value})",
        _numbers(evidence),
        f"strength={strength_of(evidence):.2f}",
    ]
    if log_kinds:
        parts.append(f"logs_say={'+'.join(log_kinds)}")
    return " ".join(part for part in parts if part)


def signal(name: str) -> str:
    """`name` where it is one the detector knows."""
    return name if name in SIGNALS else "other"


def number(value: float | None) -> str:
    """A short number; `?` for none."""
    return f"{value:.4g}" if value is not None and math.isfinite(value) else "?"


def _numbers(evidence: Evidence) -> str:
    if evidence.signal == ALERT_SIGNAL or (evidence.now is None and evidence.before is None):
        return ""
    text = f"before={number(evidence.before)} now={number(evidence.now)}"
    if evidence.low is not None or evidence.high is not None:
        text += f" normal={number(evidence.low)}..{number(evidence.high)}"
    statistic = evidence.series.rpartition(":")[2]
    unit = _ANNOTATION.sub("", evidence.unit)
    if unit in _UNITS:
        text += f" unit={unit}"
    return text + (f" stat={statistic}" if statistic in _STATISTICS else "")


def circumstances(case: Case, reading: Reading) -> tuple[str, ...]:
    """What else is known of the incident, most important first."""
    incident = case.incident
    ranked = sorted(incident.candidates, key=lambda one: -one.confidence)
    lines = [
        "detector_believes: " + ", ".join(f"{one.type.value}={one.confidence:.2f}" for one in ranked[:4])
    ]
    lines.append(f"severity: {incident.severity.value}; instances: {len(incident.instances)}")
    if reading.facts:
        lines.append("facts: " + ", ".join(sorted(fact.value for fact in reading.facts)))
    if incident.forecast is not None and math.isfinite(incident.forecast.seconds_to_limit):
        lines.append(f"limit_reached_in_s: {number(max(0.0, incident.forecast.seconds_to_limit))}")
    lines += [f"tried_in_this_incident: {action(one)}" for one in case.tried[:_MAX_ACTIONS]]
    return tuple(lines)


def action(record: ActionRecord) -> str:
    """An action that was done, in enums."""
    helped = record.verification.value if record.verification else "not verified"
    return f"{record.action.value} {record.outcome.value}, {helped}"


def recent(case: Case) -> tuple[str, ...]:
    """What other incidents had done to the service."""
    now = case.incident.updated_at
    return tuple(
        f"recent_action: {action(one)}, {number(max(0.0, now - one.started_at))} s ago"
        for one in case.recent[:_MAX_ACTIONS]
    )


def experience(case: Case, types: Iterable[IncidentType], actions: Collection[ActionKind]) -> tuple[str, ...]:
    """What became of `actions` in incidents of `types`, most important type first: on this service (here), on
    others, and by what was imported.

    Rests on types, services and outcomes; what the runbook found by likeness of text has no part in it.
    """
    lines = []
    for one in list(dict.fromkeys(types))[:_MAX_TYPES]:
        known = [each for each in case.experience if each.incident_type is one and each.action in actions]
        known.sort(key=lambda each: (-each.here.seen, -each.elsewhere.seen))
        told = [text for text in map(_outcomes, known[:_MAX_ACTIONS]) if text]
        if told:
            lines.append(f"experience: {one.value}: {'; '.join(told)}")
    return tuple(lines)


def _outcomes(known: Experience) -> str:
    """How often an action helped, by where; empty where it was not seen."""
    seen = ((known.here, "here"), (known.elsewhere, "on other services"), (known.imported, "imported"))
    told = ", ".join(f"{one.helped} of {one.seen} {where}" for one, where in seen if one.seen)
    return f"{known.action.value} helped {told}" if told else ""


def believed_types(case: Case) -> tuple[IncidentType, ...]:
    """The types the detector believes in, most likely first."""
    ranked = sorted(case.incident.candidates, key=lambda one: -one.confidence)
    return (case.incident.type, *(one.type for one in ranked))
