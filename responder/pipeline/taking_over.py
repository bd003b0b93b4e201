"""Going on with what a responder left that died, where several share a database."""

import logging
import threading
import time
from collections.abc import Callable, Set
from typing import Protocol

from responder.pipeline.durable import StopGate
from responder.store import Lease, Standing, Timeline
from responder.telemetry import PipelineMetrics

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.5


class Adopting(Protocol):
    """Knows where workflows run, and puts those of a dead process back into the queue."""

    def owners(self) -> Set[str]:
        """The processes that workflows run in."""
        ...

    def adopt(self, owner: str) -> list[str]:
        """Queue what ran in that process again; the workflows' ids, each beginning with its incident's."""
        ...


class TakingOver:
    """Looks regularly, from a thread of its own, whether this process still counts as alive, and which others
    do not any more.

    While its own session is lost nothing new begins. When others have taken over its work, `taken_over` is
    called, once, and it looks no more: what it has in memory is of no use then. `take_up` starts what a dead
    one had kept and not started.
    """

    def __init__(
        self,
        lease: Lease,
        workflows: Adopting,
        gate: StopGate,
        timeline: Timeline,
        metrics: PipelineMetrics,
        *,
        take_up: Callable[[], None],
        taken_over: Callable[[], None],
    ) -> None:
        self._lease = lease
        self._workflows = workflows
        self._gate = gate
        self._timeline = timeline
        self._metrics = metrics
        self._take_up = take_up
        self._taken_over = taken_over
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="taking over", daemon=True)

    def enter(self) -> None:
        """Become one of those who work, before any workflow runs."""
        self._lease.take(time.time())

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and let others go on with what is unfinished."""
        self._stopping.set()
        self._thread.join(timeout=2.0)
        self._lease.close()

    def look(self) -> bool:
        """Look once; False when this process's work was taken over."""
        match self._lease.look():
            case Standing.TAKEN_OVER:
                self._gate.shut()
                return False
            case Standing.LOST:
                self._gate.shut()
            case Standing.HELD:
                self._gate.reopen()
                self._lease.take_over(self._workflows.owners(), self._adopt)
        return True

    def _adopt(self, owner: str) -> None:
        ids = self._workflows.adopt(owner)
        _LOG.warning("the responder %s is gone; %d incidents it worked on go on", owner, len(ids))
        for workflow_id in ids:
            incident_id = workflow_id.split("\t")[0]
            message = "The responder that worked on this is gone; another one goes on"
            self._timeline.note(incident_id, message, key=f"taken over:{owner}", at=time.time())
        self._take_up()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            try:
                if not self.look():
                    self._taken_over()
                    return
            except Exception as error:  # noqa: BLE001 - must outlive a database that is away; logged and counted
                _LOG.warning("cannot look for responders that are gone, trying again", exc_info=True)
                self._metrics.outlived("taking over", error)
