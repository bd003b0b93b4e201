"""`Retry-After` of RFC 9110, read with care: it comes from outside."""

import math
from collections.abc import Mapping

MAX_RETRY_AFTER_S = 3600.0


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, at most an hour; None where the server did not say so in seconds."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, MAX_RETRY_AFTER_S) if math.isfinite(seconds) and seconds >= 0 else None
