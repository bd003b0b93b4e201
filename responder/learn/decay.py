"""How much evidence weighs by its age."""

from dataclasses import dataclass

STALE = 0.05
"""Evidence that weighs less than this is left out altogether: after 4.3 half-lives."""

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Decay:
    """weight(age) = 2 ** (-age / half_life); 0 once it would be below `STALE`.

    A time in the future counts by its distance as well: what was learned while a clock was ahead must not
    outweigh, or outlive, all else once the clock is set right.

    >>> Decay(half_life_s=10.0).weight(at=100.0, now=110.0), Decay(10.0).weight(100.0, 1000.0)
    (0.5, 0.0)
    """

    half_life_s: float = 90 * DAY_S

    def weight(self, at: float, now: float) -> float:
        """The weight, 0 to 1, at `now` of what was seen at `at` (seconds since the epoch)."""
        weight: float = 2.0 ** (-abs(now - at) / self.half_life_s)
        return weight if weight >= STALE else 0.0
