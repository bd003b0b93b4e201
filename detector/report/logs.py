"""The detector's logs: readable on stderr, one record a line, and exported where telemetry is."""

import logging
import sys

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class OneLineFormatter(logging.Formatter):
    """Escapes control characters in messages: parts of them come from telemetry, and could forge lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # named by logging
        """The record's line, without anything that is not printable."""
        line = super().formatMessage(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def set_up_logging(level: str, exported: logging.Handler) -> None:
    """Send the logs of this process to stderr and to `exported`, from `level` up."""
    readable = logging.StreamHandler(sys.stderr)
    readable.setFormatter(OneLineFormatter(_FORMAT))
    logging.basicConfig(level=level, handlers=[readable, exported], force=True)
    logging.captureWarnings(True)
    for chatty in ("httpx", "httpcore"):  # a line for each report sent says nothing new
        logging.getLogger(chatty).setLevel(logging.WARNING)
