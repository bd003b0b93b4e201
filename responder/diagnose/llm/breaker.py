"""A circuit breaker: what keeps failing is left alone for a while (Nygard, "Release It!", 2007)."""

import threading
from collections.abc import Callable
from enum import StrEnum


class BreakerState(StrEnum):
    """`HALF_OPEN`: one call is let through, to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Opens after `failures` in a row, for `open_s` seconds. Safe for several threads.

    Then one call at a time is let through: its success closes the breaker, its failure opens it again.
    Whoever was let through must say how it went, by `succeeded`, `failed` or `given_back`.
    """

    def __init__(self, failures: int, open_s: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False
        self._lock = threading.Lock()

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        with self._lock:
            return self._state()

    def _state(self) -> BreakerState:
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock() < self._open_until else BreakerState.HALF_OPEN

    def enter(self) -> bool:
        """May a call be made now?"""
        with self._lock:
            match self._state():
                case BreakerState.CLOSED:
                    return True
                case BreakerState.HALF_OPEN if not self._probing:
                    self._probing = True
                    return True
                case _:
                    return False

    def succeeded(self) -> None:
        """The call was answered."""
        with self._lock:
            self._failures, self._open_until, self._probing = 0, None, False

    def given_back(self) -> None:
        """The call was not made after all, which says nothing."""
        with self._lock:
            self._probing = False

    def failed(self, retry_after_s: float | None = None) -> None:
        """The call failed. With `retry_after_s` it opens at once, at least for so long."""
        with self._lock:
            self._failures += 1
            if self._probing or self._failures >= self._limit or retry_after_s is not None:
                self._open_until = self._clock() + max(self._open_s, retry_after_s or 0.0)
            self._probing = False
