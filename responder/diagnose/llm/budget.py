"""What a provider may cost: tokens and money in a sliding hour."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; 0 where it is not known, or costs nothing."""

    usd_in: float = 0.0
    usd_out: float = 0.0

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """The price of a call in US dollars."""
        return (tokens_in * self.usd_in + tokens_out * self.usd_out) / 1e6


@dataclass(slots=True)
class Spending:
    """One call, first as it may cost at most, then as it did."""

    at: float
    tokens: int
    usd: float


class Budget:
    """Counts what was spent in the last hour. Safe for several threads; `clock` gives seconds.

    A call reserves the most it may cost before it is sent, so that calls under way together cannot
    overdraw. It is kept in memory: a restart begins a new hour.
    """

    def __init__(
        self, tokens_per_hour: int, usd_per_hour: float, price: Price, clock: Callable[[], float]
    ) -> None:
        self._tokens = tokens_per_hour
        self._usd = usd_per_hour
        self._price = price
        self._clock = clock
        self._spent: deque[Spending] = deque()
        self._lock = threading.Lock()

    def reserve(self, tokens_in: int, tokens_out: int) -> Spending | None:
        """Set so much aside; None where the hour does not have it."""
        with self._lock:
            now = self._clock()
            while self._spent and self._spent[0].at <= now - HOUR_S:
                self._spent.popleft()
            call = Spending(now, tokens_in + tokens_out, self._price.of(tokens_in, tokens_out))
            if sum(one.tokens for one in self._spent) + call.tokens > self._tokens:
                return None
            if call.usd and sum(one.usd for one in self._spent) + call.usd > self._usd:
                return None
            self._spent.append(call)
            return call

    def settle(self, call: Spending, tokens_in: int, tokens_out: int) -> None:
        """The call is over: it cost this, in place of what was set aside."""
        with self._lock:
            call.tokens = tokens_in + tokens_out
            call.usd = self._price.of(tokens_in, tokens_out)

    @property
    def price(self) -> Price:
        """What a call costs."""
        return self._price

    @property
    def spent(self) -> tuple[int, float]:
        """Tokens and US dollars of the last hour, with what is set aside."""
        with self._lock:
            since = self._clock() - HOUR_S
            recent = [one for one in self._spent if one.at > since]
            return sum(one.tokens for one in recent), sum(one.usd for one in recent)
