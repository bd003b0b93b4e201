"""A process's logs: readable on stderr, one record a line, and exported where telemetry is."""

import logging
import sys
from collections.abc import Iterable

from opentelemetry import trace

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class OneLineFormatter(logging.Formatter):
    """A record's line, with the trace it belongs to.

    Escapes control characters: parts of messages come from telemetry, and could forge lines.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # named by logging
        """The record's line, without anything that is not printable."""
        line = super().formatMessage(record)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line += f" trace_id={trace.format_trace_id(context.trace_id)}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def set_up_logging(level: str, exported: logging.Handler, chatty: Iterable[str]) -> list[logging.Handler]:
    """Send the logs of this process to stderr and to `exported`, from `level` up; answers both handlers.

    Of the loggers named `chatty` only warnings are kept.
    """
    readable = logging.StreamHandler(sys.stderr)
    readable.setFormatter(OneLineFormatter(_FORMAT))
    handlers = [readable, exported]
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    for (
        handler
    ) in handlers:  # not by basicConfig, which would have the exported text begin with level and name
        root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
    for name in chatty:
        logging.getLogger(name).setLevel(logging.WARNING)
    return handlers
