"""Database connections that are checked out and never returned."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from buggy_app.chaos.order import Order
from buggy_app.database import Database

TICK_S = 0.05


class ConnectionLeak:
    """Keeps as many of the pool's connections as the order's level says, all at its full effect.

    The leak belongs to the pool it began with: once the pool is recycled it is over.
    """

    def __init__(self, order: Order, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._order = order
        self._database = database
        self._clock = clock
        self._generation = database.generation
        self._held: list[Connection] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="connection-leak", daemon=True)

    def start(self) -> None:
        """Begin to leak."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and return what was leaked."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(TICK_S) and self._database.generation == self._generation:
            size = self._database.state().maximum
            if len(self._held) < round(self._order.level(self._clock()) * size):
                try:
                    self._held.append(self._database.check_out())
                except PoolTimeoutError:
                    continue  # busy with requests just now; the next tick tries again
        self._database.give_back(self._held)
        self._held.clear()
