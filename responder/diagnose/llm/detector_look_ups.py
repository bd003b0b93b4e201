"""Looking further by asking the detector about the incident's series, logs, neighbours and deploys."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from detector import (
    Incident,
    LogLine,
    LogSeverity,
    Neighbour,
    SeriesHealth,
    ServiceHealth,
)
from responder.diagnose.llm.look_up import LookUp
from responder.diagnose.llm.typed_evidence import number, signal
from responder.diagnose.reading import LogKind, LogPatterns
from responder.incident_record import Case
from responder.verify import DetectorDetails, DetectorUnavailable

_MAX_LINES = 8
_MAX_CALLEES = 5
_MAX_CALLERS = 3
_UNKNOWN_INCIDENT = "the detector does not know this incident"
_UNKNOWN_SERVICE = "the detector does not hear this service"
_RELEASED = {
    "service.version": "its version",
    "vcs.ref.head.revision": "its revision",
    "container.image.tags": "its container image",
    "k8s.replicaset.name": "its replica set",
}


class DetectorLookUps:
    """Implements `LookUps` by the detector's query interface. Names, log lines and versions are text from
    outside: what is told of them are kinds, counts and times."""

    offered = frozenset(LookUp)

    def __init__(self, detector: DetectorDetails, patterns: LogPatterns | None = None) -> None:
        self._detector = detector
        self._patterns = patterns or LogPatterns.load()
        self._answers: Mapping[LookUp, Callable[[Incident, str], Sequence[str]]] = {
            LookUp.SERIES: self._series,
            LookUp.LOGS: self._logs,
            LookUp.NEIGHBOURS: self._neighbours,
            LookUp.DEPLOYS: self._deploys,
        }

    def look(self, case: Case, tool: LookUp, argument: str) -> Sequence[str]:
        """The answer; see `LookUps`."""
        try:
            return self._answers[tool](case.incident, argument)
        except DetectorUnavailable:
            return ("the detector gave no answer",)

    def _series(self, incident: Incident, wanted: str) -> list[str]:
        found = self._detector.recovery(incident.id)
        if found is None:
            return [_UNKNOWN_INCIDENT]
        lines = [f"the service {'reports' if found.reporting else 'does not report'}"]
        for now, one in [("raising", one) for one in found.series] + [("worse", one) for one in found.worse]:
            if wanted in ("", one.signal):
                lines.append(f"{now} {_state(one)}")
        return lines[:_MAX_LINES]

    def _logs(self, incident: Incident, _: str) -> list[str]:
        found = self._detector.logs(incident.id)
        if found is None:
            return [_UNKNOWN_INCIDENT]
        if not found:
            return ["no warnings and no errors around the incident"]
        kinds = {kind: [one for one in found if self._patterns.search(kind, one.line)] for kind in LogKind}
        known = {id(one) for of_kind in kinds.values() for one in of_kind}
        others = [one for one in found if id(one) not in known]
        lines = [_logged(kind.value, of_kind, incident) for kind, of_kind in kinds.items() if of_kind]
        return lines + ([_logged("of no known kind", others, incident)] if others else [])

    def _neighbours(self, incident: Incident, wanted: str) -> list[str]:
        found = self._detector.neighbours(incident.service, incident.namespace)
        if found is None:
            return [_UNKNOWN_SERVICE]
        if not found.callees and not found.callers:
            return ["no calls to or from it were seen"]
        health = {(one.service, one.namespace): one for one in self._detector.services()}
        told = [("calls", n, one) for n, one in enumerate(found.callees[:_MAX_CALLEES], 1)]
        told += [("called by", n, one) for n, one in enumerate(found.callers[:_MAX_CALLERS], 1)]
        return [
            f"{how} {one.kind.value} {n}: {_neighbour(one, health.get((one.name, one.namespace)), wanted)}"
            for how, n, one in told
        ]

    def _deploys(self, incident: Incident, _: str) -> list[str]:
        found = self._detector.deploys(incident.service, incident.namespace)
        if found is None:
            return [_UNKNOWN_SERVICE]
        if not found:
            return ["no other release of it began to run"]
        return [
            f"{_RELEASED.get(one.attribute, 'its release')} changed {_when(one.at, incident)}"
            for one in found[:_MAX_LINES]
        ]


def _state(one: SeriesHealth) -> str:
    normal = "normal" if one.normal else "not normal"
    return (
        f"{signal(one.signal)}: {number(one.value)}, {normal} (range {number(one.low)}..{number(one.high)})"
    )


def _logged(kind: str, lines: Sequence[LogLine], incident: Incident) -> str:
    counts: Counter[LogSeverity] = Counter()
    for line in lines:
        counts[line.severity] += line.count
    by_severity = ", ".join(f"{counts[one]} {one.value}" for one in LogSeverity if counts[one])
    first, last = min(one.first_seen for one in lines), max(one.last_seen for one in lines)
    return f"{kind}: {by_severity}; first {_when(first, incident)}, last {_when(last, incident)}"


def _neighbour(one: Neighbour, health: ServiceHealth | None, wanted: str) -> str:
    calls = f"{one.calls} calls in the last minute"
    if one.calls:
        calls += f", {one.failed / one.calls:.0%} failed"
    if not one.known:
        return f"{calls}; it sends no telemetry"
    trouble = "in an incident" if one.open_incident else "no incident"
    silent = "" if one.reporting else ", silent"
    signals = [
        f"{signal(each.signal)} {number(each.value)} {'normal' if each.normal else 'not normal'}"
        for each in (health.signals if health is not None else ())
        if wanted in ("", each.signal)
    ]
    return f"{calls}; {trouble}{silent}; {', '.join(signals[:6]) or 'no such signal'}"


def _when(at: float, incident: Incident) -> str:
    """A time by the beginning of the incident."""
    seconds = at - incident.started_at
    return f"{number(abs(seconds))} s {'before' if seconds < 0 else 'after'} it began"
