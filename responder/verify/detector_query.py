"""What verification asks of the detector."""

from collections.abc import Sequence
from typing import Protocol

from detector import Recovery, ServiceHealth


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
