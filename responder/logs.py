"""Which loggers of the libraries beneath the responder are heard, and how."""

import logging

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


def set_up_logging(level: str, providers: Providers) -> None:
    """Send the logs of this process to stderr, and to where telemetry is exported, from `level` up."""
    # DBOS adds a handler of its own to a logger that has none.
    dbos = logging.getLogger("dbos")
    for handler in set_up(level, providers.log_handler(), _CHATTY):
        dbos.addHandler(handler)
    dbos.propagate = False
