"""Takes up incidents that waited for a human, once they can go on.

A waiting incident holds neither a thread nor a place among those that are worked on: its workflow has ended,
the request stands in the database, and the answer starts a workflow that goes on from there.
"""

import logging
import threading
from collections.abc import Callable

from responder.approval import Approval, Approvals
from responder.telemetry import PipelineMetrics

_LOG = logging.getLogger(__name__)
_POLL_S = 0.25


class Waiting:
    """Looks regularly, from a thread of its own. `resume` must do nothing for what was resumed before.

    How long a human may take is measured by `monotonic` from when a request is first seen here, so that a
    `clock` that is set neither takes their time away nor adds to it.
    """

    def __init__(
        self,
        approvals: Approvals,
        resume: Callable[[str, int, int], None],
        metrics: PipelineMetrics,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._approvals = approvals
        self._resume = resume
        self._clock = clock
        self._monotonic = monotonic
        self._ahead_s = clock() - monotonic()
        self._ends: dict[tuple[str, int, int], float] = {}
        self._metrics = metrics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waiting", daemon=True)

    def look(self) -> None:
        """Take up what was answered, has run out, or is over by itself."""
        ends = {}
        for asked, over in self._approvals.unresumed():
            key = (asked.incident_id, asked.attempt, asked.rank)
            ends[key] = self._ends.get(key, self._monotonic() + self._left_s(asked))
            if over or asked.answer is not None or self._monotonic() >= ends[key]:
                self._resume(*key)
                self._approvals.resumed(asked, self._clock())
        self._ends = ends
        self._ahead_s = self._clock() - self._monotonic()

    def _left_s(self, asked: Approval) -> float:
        """By the clock, as it is and as it was at the last look, should it have been set since; never more
        than there was in all."""
        now = min(self._clock(), self._monotonic() + self._ahead_s)
        return min(asked.expires_at - now, asked.expires_at - asked.requested_at)

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
