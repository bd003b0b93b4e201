"""Whose turn it is to write."""

import threading
from collections import deque
from types import TracebackType


class NoTurnError(Exception):
    """The turn did not come in time."""


class Turn:
    """Lets in one after the other, in the order they came.

    SQLite has one writer at a time as well, but its waiters sleep and look again, ever longer: of many some
    wait for seconds while nobody writes. Not to be nested.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __enter__(self) -> None:
        """Wait for the turn. Raises NoTurnError after `timeout_s` seconds."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if not mine.acquire(timeout=self._timeout_s):
            self._give_up(mine)

    def _give_up(self, mine: threading.Lock) -> None:
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise NoTurnError
        # It came at the last moment.

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand the turn on."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
