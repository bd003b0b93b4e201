"""Waiting for what real processes do in their own time."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], wanted: str, within_s: float = 60.0) -> None:
    """Returns once `condition` holds; fails with what was `wanted` when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {wanted}"
        time.sleep(0.02)
