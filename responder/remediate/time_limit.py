"""The time a step may take."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """`seconds` from `began` on the `monotonic` clock; `sleep` is how to wait within them."""

    seconds: float
    began: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]

    @property
    def left_s(self) -> float:
        """Seconds until it is over; negative afterwards."""
        return self.began + self.seconds - self.monotonic()

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left_s <= 0
