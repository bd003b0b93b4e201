"""Looking further by asking the detector: the incident's series and the other services, as they are now."""

from collections.abc import Sequence

from detector import SeriesHealth, ServiceHealth
from responder.diagnose.llm.look_up import LookUp
from responder.diagnose.llm.typed_evidence import number, signal
from responder.incident_record import Case
from responder.verify import DetectorQuery, DetectorUnavailable

_MAX_LINES = 8


class DetectorLookUps:
    """Implements `LookUps` by the detector's query interface. What the runbook and the catalogue know stands
    in the prompt already. Names of series and services are left out: they are text from outside."""

    offered = frozenset({LookUp.SERIES, LookUp.NEIGHBOURS})

    def __init__(self, detector: DetectorQuery) -> None:
        self._detector = detector

    def look(self, case: Case, tool: LookUp, argument: str) -> Sequence[str]:
        """The answer; see `LookUps`."""
        try:
            if tool is LookUp.SERIES:
                return self._series(case, argument)
            if tool is LookUp.NEIGHBOURS:
                return self._neighbours(case, argument)
        except DetectorUnavailable:
            return ("the detector gave no answer",)
        return ()

    def _series(self, case: Case, wanted: str) -> list[str]:
        found = self._detector.recovery(case.incident.id)
        if found is None:
            return ["the detector does not know this incident"]
        lines = [f"the service {'reports' if found.reporting else 'does not report'}"]
        for now, one in [("raising", one) for one in found.series] + [("worse", one) for one in found.worse]:
            if wanted in ("", one.signal):
                lines.append(f"{now} {_state(one)}")
        return lines[:_MAX_LINES]

    def _neighbours(self, case: Case, wanted: str) -> list[str]:
        others = [one for one in self._detector.services() if one.service != case.incident.service]
        # Those in trouble first: they are why one asks.
        others.sort(key=lambda one: (one.open_incident is None, one.reporting))
        return [_neighbour(count, one, wanted) for count, one in enumerate(others[:_MAX_LINES], 1)]


def _state(one: SeriesHealth) -> str:
    normal = "normal" if one.normal else "not normal"
    return (
        f"{signal(one.signal)}: {number(one.value)}, {normal} (range {number(one.low)}..{number(one.high)})"
    )


def _neighbour(count: int, one: ServiceHealth, wanted: str) -> str:
    trouble = "in an incident" if one.open_incident else "no incident"
    reports = "" if one.reporting else ", silent"
    signals = [
        f"{signal(each.signal)} {number(each.value)} {'normal' if each.normal else 'not normal'}"
        for each in one.signals
        if wanted in ("", each.signal)
    ]
    return f"service {count}: {trouble}{reports}; {', '.join(signals[:6]) or 'no such signal'}"
