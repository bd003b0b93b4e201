"""Prices an option by simulation, as exactly as a budget of CPU time allows."""

import math
import random
import time
from dataclasses import dataclass
from enum import StrEnum

STRIKE, SPOT, RATE, VOLATILITY = 100.0, 100.0, 0.02, 0.2
CHECK_EVERY = 100


class Precision(StrEnum):
    """How exact a quote shall be, which is how much CPU time it costs."""

    STANDARD = "standard"
    HIGH = "high"


CPU_SECONDS = {Precision.STANDARD: 0.003, Precision.HIGH: 0.020}


@dataclass(frozen=True, slots=True)
class Quote:
    """Mean discounted payoff over `paths` simulated paths."""

    price: float
    paths: int


def price(precision: Precision, rng: random.Random) -> Quote:
    """Monte Carlo price of a one-year European call under geometric Brownian motion.

    Spends `CPU_SECONDS[precision]` of the calling thread's CPU time, so that a quote costs the same
    share of a core on every machine.
    """
    until = time.thread_time() + CPU_SECONDS[precision]
    drift = RATE - VOLATILITY**2 / 2
    total, paths = 0.0, 0
    while time.thread_time() < until:
        for _ in range(CHECK_EVERY):
            final = SPOT * math.exp(drift + VOLATILITY * rng.gauss(0.0, 1.0))
            total += max(0.0, final - STRIKE)
        paths += CHECK_EVERY
    return Quote(math.exp(-RATE) * total / max(1, paths), paths)
