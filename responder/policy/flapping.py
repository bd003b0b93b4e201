"""A breaker without a memory of its own: whether it is open follows from what happened and when."""

from collections.abc import Iterable


def open_until(times: Iterable[float], threshold: int, window_s: float, open_s: float) -> float | None:
    """When the breaker closes again (seconds since the epoch); None where it never opened.

    It opens at each event that is at least the `threshold`-th within `window_s` seconds, for `open_s`.
    """
    ordered = sorted(times)
    for last in range(len(ordered) - 1, threshold - 2, -1):
        if ordered[last] - ordered[last - threshold + 1] <= window_s:
            return ordered[last] + open_s
    return None
