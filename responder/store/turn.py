"""Whose turn it is to write."""

import threading
from collections import deque
from types import TracebackType


class NoTurnError(Exception):
    """The turn did not come in time, or too many wait for it; the message says which."""


class Turn:
    """Lets in `at_once` writers, and further ones as those end, in the order they came.

    SQLite has one writer at a time as well, but its waiters sleep and look again, ever longer: of many some
    wait for seconds while nobody writes. `most_waiting`: who comes when so many wait is sent away at once, as
    threads that wait are missing elsewhere. To be nested by fewer than `at_once`.
    """

    def __init__(self, timeout_s: float, most_waiting: int, at_once: int = 1) -> None:
        self._timeout_s = timeout_s
        self._most_waiting = most_waiting
        self._guard = threading.Lock()
        self._free = at_once
        self._waiting: deque[threading.Lock] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __enter__(self) -> None:
        """Wait for the turn. Raises NoTurnError after `timeout_s` seconds, or when enough wait."""
        with self._guard:
            if self._free:
                self._free -= 1
                return
            if len(self._waiting) >= self._most_waiting:
                raise NoTurnError(f"{self._most_waiting} writers wait already")
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if not mine.acquire(timeout=self._timeout_s):
            self._give_up(mine)

    def _give_up(self, mine: threading.Lock) -> None:
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise NoTurnError(f"no turn to write came within {self._timeout_s:g} s")
        # It came at the last moment.

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand the turn on."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
