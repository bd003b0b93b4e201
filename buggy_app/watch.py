"""Watches the state directory on behalf of a replica."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence

from buggy_app.startup_configuration import ConfigurationStore

INTERVAL_S = 0.1

_log = logging.getLogger("buggy_app.watch")


class Watch:
    """Calls what must look at the state directory now and then, from one thread.

    It must outlive errors of what it calls: they are logged when they change, and counted.
    """

    def __init__(self, polls: Sequence[Callable[[], object]]) -> None:
        self.errors = 0
        self._polls = polls
        self._last_error = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            for poll in self._polls:
                try:
                    poll()
                except Exception as error:  # noqa: BLE001 - one failing watcher must not end the others
                    self.errors += 1
                    if str(error) != self._last_error:
                        self._last_error = str(error)
                        _log.exception("watching the state directory failed")


class ReloadWatch:
    """Lets the replica leave, to be started anew, when the active configuration has changed.

    Replicas leave at a random moment within the roll-out time that the new configuration names.
    """

    def __init__(
        self,
        store: ConfigurationStore,
        content: bytes,
        rng: random.Random,
        leave: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.due = False
        self._store = store
        self._content = content
        self._rng = rng
        self._leave = leave
        self._clock = clock
        self._leave_at: float | None = None

    def poll(self) -> None:
        """Look whether the configuration has changed, and leave when it is time."""
        if self.due:
            return
        if not self._store.changed_from(self._content):
            self._leave_at = None
            return
        if self._leave_at is None:
            self._leave_at = self._clock() + self._rng.uniform(0, self._store.rollout_s())
        if self._clock() >= self._leave_at:
            self.due = True
            _log.warning("start-up configuration has changed, reloading")
            self._leave()
