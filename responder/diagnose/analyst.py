"""The contract of an analyst."""

from typing import Protocol

from responder.incident_record import Case, Diagnosis


class Analyst(Protocol):
    """Says what is wrong and what would help. Called from a worker thread; it may block up to its deadline.

    Promises: proposes only actions in `case.allowed` on the incident's own service; cites evidence by id;
    never raises on odd evidence (it answers `NOT_ENOUGH_EVIDENCE`). It may be called again for one case.
    """

    name: str

    def diagnose(self, case: Case) -> Diagnosis:
        """The diagnosis of `case`, proposals best first, those already tried in vain left out."""
        ...
