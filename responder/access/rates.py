"""How many calls a source may make: counted over a window that slides, in memory."""

import math
import time
from collections.abc import Callable

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

MAX_WINDOW_S = 86_400
_SET_S = 5.0  # clocks are also moved bit by bit, which does no harm


def parse_rate(text: str) -> RateLimitItem:
    """`600/minute`, `20 per second`. Raises ValueError."""
    try:
        rate = parse(text)
    except ValueError as error:
        raise ValueError("it is not of the form 600/minute") from error
    if rate.get_expiry() > MAX_WINDOW_S or rate.amount < 1:
        raise ValueError("it must allow at least one call within at most a day")
    return rate


class Rates:
    """One allowance for each source. The count begins anew when `clock` was set: by a clock that is an hour
    behind, a source that had used up its allowance would wait for an hour."""

    def __init__(
        self,
        rate: RateLimitItem,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._monotonic = monotonic
        self._begin()

    def _begin(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._ahead_s = self._clock() - self._monotonic()

    def wait_s(self, source: str) -> int | None:
        """Takes one call off the allowance; None when it had one left, else the seconds to wait."""
        if abs(self._clock() - self._monotonic() - self._ahead_s) > _SET_S:
            self._begin()
        if self._limiter.hit(self._rate, source):
            return None
        reset = self._limiter.get_window_stats(self._rate, source).reset_time
        return max(1, math.ceil(reset - self._clock()))
