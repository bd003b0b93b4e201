"""Names for incidents: `INC-` and twelve characters that sort by the time they were given."""

from collections.abc import Callable

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O and U, so that an id can be read out over the telephone."""

_TIME_CHARS = 9  # 45 bits of milliseconds: good until the year 3084
_RANDOM_BITS = 15


class IncidentIds:
    """Gives ids that are unique across restarts and sort as they were given.

    Nine characters are the clock's milliseconds (moved on by one where two ids fall into the same), three
    are random, so that two detectors, or one whose clock was set back, do not give the same name.
    `clock`: seconds since the epoch; `randbits(k)`: k random bits. Not thread-safe: one thread owns it.
    """

    def __init__(self, clock: Callable[[], float], randbits: Callable[[int], int]) -> None:
        self._clock = clock
        self._randbits = randbits
        self._last_ms = -1

    def __call__(self) -> str:
        """The next id."""
        self._last_ms = max(int(self._clock() * 1000), self._last_ms + 1)
        number = (self._last_ms << _RANDOM_BITS) | self._randbits(_RANDOM_BITS)
        digits = [CROCKFORD[(number >> 5 * place) & 31] for place in range(_TIME_CHARS + _RANDOM_BITS // 5)]
        return "INC-" + "".join(reversed(digits))
