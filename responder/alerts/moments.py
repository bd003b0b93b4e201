"""Times as other systems write them."""

from datetime import UTC, datetime


def moment(value: datetime | None) -> float | None:
    """Seconds since the epoch; None for what stands for "not yet": nothing, or a time before 1970, such as
    the year 1 that Go writes for a time that was never set. A time without a zone is in UTC."""
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    seconds = aware.timestamp()
    return seconds if seconds > 0 else None
