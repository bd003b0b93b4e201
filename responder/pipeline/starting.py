"""Starting workflows out of the way of whoever reports an incident."""

import logging
import threading

from responder.pipeline.taking_up import Startable
from responder.telemetry import PipelineMetrics

_LOG = logging.getLogger(__name__)
_PAUSE_S = 1.0


class Starting:
    """Starts workflows in the order they were asked for, from a thread of its own.

    The workflow library waits without end while the database is away, and a caller must not. What was asked
    for is forgotten when the process ends, and taken up at the next start.
    """

    def __init__(self, workflows: Startable, metrics: PipelineMetrics) -> None:
        self._workflows = workflows
        self._metrics = metrics
        self._changed = threading.Condition()
        self._asked: dict[str, None] = {}
        self._started = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="starting", daemon=True)

    @property
    def launched(self) -> bool:
        """Workflows run."""
        return self._started and not self._stopping.is_set()

    @property
    def waiting(self) -> int:
        """How many were asked for and are not started."""
        return len(self._asked)

    def start(self, incident_id: str) -> None:
        """Have the incident worked on soon; does nothing when it is already, or was."""
        with self._changed:
            self._asked[incident_id] = None
            self._changed.notify()

    def run(self) -> None:
        """Begin to start what is asked for; workflows are launched."""
        self._started = True
        self._thread.start()

    def stop(self) -> None:
        """Start no further ones."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked or self._stopping.is_set())
                if self._stopping.is_set():
                    return
                incident_id = next(iter(self._asked))
                del self._asked[incident_id]
            self._start(incident_id)

    def _start(self, incident_id: str) -> None:
        while not self._stopping.is_set():
            try:
                self._workflows.start(incident_id)
                return
            except Exception as error:  # noqa: BLE001 - must outlive a database that is away; logged and counted
                _LOG.warning("cannot start on %s, trying again", incident_id, exc_info=True)
                self._metrics.outlived("starting", error)
                self._stopping.wait(_PAUSE_S)
