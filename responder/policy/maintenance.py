"""Whether a maintenance window is open."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from responder.policy.declared import DAYS, Window


def open_windows(windows: Iterable[Window], now: float, timezone: str) -> list[Window]:
    """The windows that are open at `now` (seconds since the epoch); `timezone` where one names none."""
    return [window for window in windows if is_open(window, now, timezone)]


def is_open(window: Window, now: float, timezone: str) -> bool:
    """By the clock on the wall there: a window over midnight belongs to the day it begins on."""
    local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(window.timezone or timezone))
    begins, ends = window.bounds
    today = DAYS[local.weekday()]
    yesterday = DAYS[(local - timedelta(days=1)).weekday()]
    clock = local.time().replace(tzinfo=None)
    if begins < ends:
        return today in window.days and begins <= clock < ends
    return (today in window.days and clock >= begins) or (yesterday in window.days and clock < ends)
