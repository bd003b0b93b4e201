"""A detector for the look-ups of a model, with one text wherever a service may write something."""

from collections.abc import Sequence

from detector import (
    AnomalyReason,
    Deploy,
    Incident,
    IncidentState,
    LogLine,
    LogSeverity,
    Neighbour,
    Neighbours,
    PeerKind,
    Recovery,
    SeriesHealth,
    ServiceHealth,
    SignalHealth,
)

_RELEASES = ("service.version", "container.image.tags")


class HostileDetector:
    """Implements `DetectorDetails`: whichever incident or service it is asked about, it knows it, and its
    numbers stay the same. `text` stands in the names of series, services, peers and instances, in units,
    attributes, versions and log lines."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0.0

    def about(self, incident: Incident, text: str) -> None:
        """From now on it answers for `incident`, with `text`."""
        self._text, self._at = text, incident.started_at

    def recovery(self, incident_id: str) -> Recovery:
        """A series that is not normal."""
        text = self._text
        series = SeriesHealth(
            f"{text}{{note={text}}}:p95", text, text, 0.98, 0.1, 0.5, False, 1.0, AnomalyReason.ABOVE_NORMAL
        )
        return Recovery(incident_id, IncidentState.OPEN, True, False, 0.0, (series,), (series,))

    def services(self) -> Sequence[ServiceHealth]:
        """The peer, with a signal that is not normal."""
        text = self._text
        signals = (SignalHealth(text, text, 2.5, 0.1, 0.3, False),)
        return (ServiceHealth(text, text, (text,), True, True, self._at, 5, text, signals),)

    def logs(self, incident_id: str) -> Sequence[LogLine]:  # noqa: ARG002 - contract
        """An error and a warning."""
        return tuple(
            LogLine(severity, self._text, self._text, 3, self._at - 1.0, self._at, self._text)
            for severity in (LogSeverity.ERROR, LogSeverity.WARN)
        )

    def neighbours(self, service: str, namespace: str) -> Neighbours:
        """One peer, of each kind, in an incident of its own."""
        peers = tuple(
            Neighbour(self._text, self._text, kind, True, 40, 4, self._at, True, self._text)
            for kind in PeerKind
        )
        return Neighbours(service, namespace, peers, peers)

    def deploys(self, service: str, namespace: str) -> Sequence[Deploy]:  # noqa: ARG002 - contract
        """A release, told by attributes known and unknown."""
        return tuple(Deploy(name, "1.0", self._text, self._at - 60.0) for name in (*_RELEASES, self._text))
