"""What verification and diagnosis ask of the detector."""

from collections.abc import Sequence
from typing import Protocol

from detector import Deploy, LogLine, Neighbours, Recovery, ServiceHealth


class DetectorUnavailable(Exception):  # noqa: N818 - a state of the world, not a mistake of the caller
    """The detector did not give a usable answer; the message says what went wrong and where."""


class DetectorQuery(Protocol):
    """The narrow way from the responder to the detector. Calls may block for some seconds, may be
    repeated, change nothing, and raise nothing but `DetectorUnavailable`."""

    def recovery(self, incident_id: str) -> Recovery | None:
        """Is this incident over? None where the detector does not know it."""
        ...

    def services(self) -> Sequence[ServiceHealth]:
        """Every service the detector hears from."""
        ...


class DetectorDetails(DetectorQuery, Protocol):
    """What a diagnosis that looks closer asks beside; the same promises."""

    def logs(self, incident_id: str) -> Sequence[LogLine] | None:
        """The warnings and errors of its service around an incident, by template, newest first. None where
        the detector does not know it."""
        ...

    def neighbours(self, service: str, namespace: str) -> Neighbours | None:
        """Who calls a service, and whom it calls; None where the detector does not hear it. An empty
        `namespace` stands for any."""
        ...

    def deploys(self, service: str, namespace: str) -> Sequence[Deploy] | None:
        """The latest releases of a service, newest first; None and `namespace` as above."""
        ...
