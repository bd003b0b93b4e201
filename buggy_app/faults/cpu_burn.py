"""Threads that burn CPU time for nothing."""

import threading
import time
from collections.abc import Callable

from buggy_app.chaos.order import Order

THREADS = 2
PERIOD_S = 0.1


class CpuBurn:
    """Burns as much of one core as the order's level says; all that can be had at its full effect.

    Pure Python holds the interpreter lock, so the threads together take one core and the web server's
    thread must fight them for it.
    """

    def __init__(self, order: Order, clock: Callable[[], float] = time.time) -> None:
        self._order = order
        self._clock = clock
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"cpu-burn-{n}", daemon=True) for n in range(THREADS)
        ]

    def start(self) -> None:
        """Begin to burn."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop burning."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            level = self._order.level(self._clock())
            share = 1.0 if level >= 1 else level / THREADS
            until = time.thread_time() + share * PERIOD_S
            while time.thread_time() < until:
                sum(range(1000))
            if share < 1:
                self._stop.wait((1 - share) * PERIOD_S)
