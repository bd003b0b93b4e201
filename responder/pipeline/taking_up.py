"""Starting what was kept, and whose workflow nobody started: the process died in between."""

from collections.abc import Callable
from typing import Protocol

from responder.approval import Approval, Approvals
from responder.pipeline.durable import continuation
from responder.store import Incidents


class Startable(Protocol):
    """Runs workflows by their ids."""

    def start(self, incident_id: str) -> None:
        """Have the incident worked on; does nothing when it is already, or was."""
        ...

    def ended(self, workflow_id: str) -> str | None:
        """How a workflow ended; None while it has not or never began."""
        ...


class TakingUp:
    """Looks through what has not ended. `fail` ends an incident that can never go on, with the reason."""

    def __init__(
        self,
        incidents: Incidents,
        approvals: Approvals,
        workflows: Startable,
        fail: Callable[[str, str], object],
    ) -> None:
        self._incidents = incidents
        self._approvals = approvals
        self._workflows = workflows
        self._fail = fail

    def look(self) -> None:
        """Start what can be started; may be done while incidents are worked on."""
        for incident_id in self._incidents.unfinished():
            self._look_at(incident_id)

    def _look_at(self, incident_id: str) -> None:
        asked = self._approvals.last(incident_id)
        if asked is not None and asked.resumed_at is None:
            return  # taken up when it is answered
        ended = self._workflows.ended(_workflow(incident_id, asked))
        if ended is None:
            if asked is None:
                self._workflows.start(incident_id)
        elif self._approvals.last(incident_id) == asked:  # else it ended by asking, just now
            self._fail(incident_id, f"its workflow ended before it did ({ended})")


def _workflow(incident_id: str, asked: Approval | None) -> str:
    return incident_id if asked is None else continuation(incident_id, asked.attempt, asked.rank)
