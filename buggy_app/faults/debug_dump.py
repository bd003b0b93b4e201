"""Debug dumps, written as long as the flag in the work directory asks for them."""

import logging
import threading
import time

from buggy_app.state_directory import StateDirectory
from buggy_app.work_directory import WorkDirectory

TICK_S = 0.1
COMPLAIN_EVERY_S = 1.0
MAX_DUMP = 4 * 2**20

_log = logging.getLogger("buggy_app.debug_dump")


class DebugDump:
    """Writes dumps at the rate the flag names; of several replicas one at a time does it."""

    def __init__(self, state: StateDirectory, work: WorkDirectory) -> None:
        self._state = state
        self._work = work
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def poll(self) -> None:
        """Begin to dump when the flag is there; the dumping ends by itself when it is gone."""
        running = self._thread is not None and self._thread.is_alive()
        if not running and not self._stop.is_set() and self._work.dump_order() is not None:
            self._thread = threading.Thread(target=self._run, name="debug-dump", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop dumping in this process; flag and files stay."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with self._state.try_lock("dump") as mine:
            last, due, complained = time.monotonic(), 0.0, 0.0
            while mine and not self._stop.wait(TICK_S) and (order := self._work.dump_order()):
                now = time.monotonic()
                due = min(due + order.bytes_per_second * (now - last), MAX_DUMP)
                last = now
                try:
                    self._work.store_dump(int(due))
                    due -= int(due)
                except OSError as error:
                    if now - complained >= COMPLAIN_EVERY_S:
                        complained = now
                        _log.exception("cannot write debug dump: %s", error.strerror)
