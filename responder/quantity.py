"""Numbers as people write them, the same in every text: amounts with their units, shares, how often."""

import math

_SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def amount(value: float, unit: str, series: str = "") -> str:
    """A value with its UCUM unit: `78 %`, `340 ms`, `1.2 GB`, `12 per second`."""
    if not math.isfinite(value):
        return "an unknown value"
    stat = series.rpartition(":")[2]
    rate = stat in ("rate", "count_rate") or unit.endswith("/s")
    share = stat in ("share", "error_ratio") or (unit == "1" and abs(value) <= 1.5 and not rate)
    if share or (unit, stat) == ("s", "rate"):
        return f"{value * 100:.3g} %" if abs(value) < 10 else f"{value * 100:.0f} %"
    if unit == "%":
        return f"{value:.3g} %"
    if unit in _SECONDS:
        return _duration(value * _SECONDS[unit])
    if unit in ("By", "bytes"):
        return _scaled(value, "B")
    number = _scaled(value, "") if abs(value) >= 10_000 else f"{value:.3g}"
    return f"{number} per second" if rate else number


def percent(share: float) -> str:
    """A share (0 to 1) as `78 %`."""
    return f"{share * 100:.0f} %"


def times(count: int) -> str:
    """How often: `never`, `once`, `twice`, `3 times`."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def span(seconds: float) -> str:
    """A length of time, roughly: `40 s`, `5 min`, `3 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _duration(seconds: float) -> str:
    if abs(seconds) >= 1:
        return f"{seconds:.3g} s"
    ms = seconds * 1000
    return f"{ms:.2g} ms" if abs(ms) < 10 else f"{ms:.0f} ms"


def _scaled(value: float, suffix: str) -> str:
    for factor, letter in _SCALES:
        if abs(value) >= factor:
            return f"{value / factor:.3g} {letter}{suffix}"
    return f"{value:.3g} {suffix}".rstrip()
