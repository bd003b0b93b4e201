"""Which loggers of the libraries beneath the responder are heard, and how often."""

import logging
import threading
import time
from collections.abc import Callable

from detector.hosting import Providers
from detector.hosting import set_up_logging as set_up

_CHATTY = (
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "openai",  # and anthropic: what is sent to a model does not belong into a log
    "anthropic",
    "uvicorn.error",
    "uvicorn.access",
    "sse_starlette.sse",
    "alembic.runtime.migration",  # `responder.store.migrate` says what it says, in one line
)
_EVERY_S = 10.0
_MOST = 1_000


class Sparing(logging.Filter):
    """Lets a warning or an error pass once in `every_s` seconds: what is tried again and again, as while a
    database is away, is said now and then.

    The same is what comes from the same place with the same arguments, but for exceptions among them.
    `clock`: monotonic seconds.
    """

    def __init__(self, every_s: float = _EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._said_at: dict[tuple[str, int, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes."""
        if record.levelno < logging.WARNING:
            return True
        key, now = _what(record), self._clock()
        with self._lock:
            said_at = self._said_at.pop(key, None)
            passes = said_at is None or now - said_at >= self._every_s
            self._said_at[key] = now if said_at is None or passes else said_at
            if len(self._said_at) > _MOST:
                del self._said_at[next(iter(self._said_at))]
        return passes


def _what(record: logging.LogRecord) -> tuple[str, int, str]:
    arguments = record.args if isinstance(record.args, tuple) else ()
    told = [str(one) for one in arguments if not isinstance(one, BaseException)]
    return record.pathname, record.lineno, " ".join(told)[:200]


def set_up_logging(level: str, providers: Providers) -> None:
    """Send the logs of this process to stderr, and to where telemetry is exported, from `level` up."""
    # DBOS adds a handler of its own to a logger that has none.
    dbos = logging.getLogger("dbos")
    for handler in set_up(level, providers.log_handler(), _CHATTY):
        handler.addFilter(Sparing())
        dbos.addHandler(handler)
    dbos.propagate = False
