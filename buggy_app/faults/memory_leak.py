"""Memory that is allocated, touched and never given back."""

import mmap
import threading
import time

from buggy_app.chaos.order import Order

BYTES_PER_SECOND = 35_000_000
TICK_S = 0.05


class MemoryLeak:
    """Leaks `BYTES_PER_SECOND` times the order's strength until stopped.

    Anonymous mappings, filled: every page is resident, and closing one gives it back at once.
    """

    def __init__(self, order: Order) -> None:
        self._rate = BYTES_PER_SECOND * order.strength
        self._held: list[mmap.mmap] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-leak", daemon=True)

    def start(self) -> None:
        """Begin to leak."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and give back what was leaked."""
        self._stop.set()
        self._thread.join()
        for block in self._held:
            block.close()
        self._held.clear()

    def held(self) -> int:
        """Bytes leaked so far."""
        return sum(len(block) for block in self._held)

    def _run(self) -> None:
        began, leaked = time.monotonic(), 0
        while not self._stop.wait(TICK_S):
            due = int(self._rate * (time.monotonic() - began)) - leaked
            size = due - due % mmap.PAGESIZE
            if size > 0:
                block = mmap.mmap(-1, size)
                block.write(b"\xa5" * size)
                self._held.append(block)
                leaked += size
