"""Takes up incidents that waited for a human, once they can go on.

A waiting incident holds neither a thread nor a place among those that are worked on: its workflow has ended,
the request stands in the database, and the answer starts a workflow that goes on from there.
"""

import logging
import threading
from collections.abc import Callable

from responder.approval import Approvals
from responder.telemetry import PipelineMetrics

_LOG = logging.getLogger(__name__)
_POLL_S = 0.25


class Waiting:
    """Looks regularly, from a thread of its own. `resume` must do nothing for what was resumed before."""

    def __init__(
        self,
        approvals: Approvals,
        resume: Callable[[str, int, int], None],
        clock: Callable[[], float],
        metrics: PipelineMetrics,
    ) -> None:
        self._approvals = approvals
        self._resume = resume
        self._clock = clock
        self._metrics = metrics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waiting", daemon=True)

    def look(self) -> None:
        """Take up what was answered, has run out, or is over by itself."""
        for asked in self._approvals.to_resume(self._clock()):
            self._resume(asked.incident_id, asked.attempt, asked.rank)
            self._approvals.resumed(asked, self._clock())

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._stopping.wait(_POLL_S):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - must outlive a busy database; logged and counted
                _LOG.warning("cannot look for answered approvals, trying again", exc_info=True)
                self._metrics.outlived("waiting", error)
