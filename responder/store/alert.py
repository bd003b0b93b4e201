"""An alert of another system."""

import hashlib
from dataclasses import dataclass

from detector import Evidence, Incident


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: `incident` as it would be if nothing else were known of the fault.

    `source` and `key` together say which alert it is, whenever it comes again. `began`: seconds since the
    epoch, None where the sender does not say. `about`: an id under which we may have reported the fault to
    the sender ourselves: it is an echo then, and tells nothing new.
    """

    incident: Incident
    source: str = "simple"
    key: str = ""
    firing: bool = True
    began: float | None = None
    about: str = ""

    @property
    def evidence(self) -> Evidence:
        """What the alert says."""
        return self.incident.evidence[0]

    @property
    def digest(self) -> str:
        """`source` and `key` (the incident's id where there is none) at a fixed length."""
        return alert_digest(self.source, self.key or self.incident.id)


def alert_digest(source: str, key: str) -> str:
    """What an alert's episodes are kept under."""
    return hashlib.sha256(f"{source}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
