"""Messages as log records, for those who are called by what stands in the logs."""

import logging

from responder.notify.message import Message, Urgency

_LOG = logging.getLogger("responder.notification")
_LEVELS = {
    Urgency.INFO: logging.INFO,
    Urgency.SUCCESS: logging.INFO,
    Urgency.WARNING: logging.WARNING,
    Urgency.FAILURE: logging.ERROR,
}


class LogNotifier:
    """One record a message. It has no approval link: who reads logs need not be one who may approve."""

    kind = "log"

    def send(self, message: Message) -> None:
        """Write the record."""
        place = "" if message.incident_url is None else f" {message.incident_url}"
        _LOG.log(_LEVELS[message.urgency], "%s: %s%s", message.title, message.text, place)
