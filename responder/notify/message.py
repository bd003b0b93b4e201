"""What people are told, and what a way of telling them promises."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Urgency(StrEnum):
    """How a message is marked where a receiver knows such marks."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as plain text. `title` is one line, `text` a few sentences; both are fit to be shown.

    `approval_link` is a secret: whoever holds it may answer. It goes to people and nowhere else. `topic` is
    the same for all messages about one incident, for receivers that gather by a key.
    """

    urgency: Urgency
    title: str
    text: str
    topic: str
    incident_url: str | None = None
    approval_link: str | None = field(default=None, repr=False)

    @property
    def body(self) -> str:
        """The text with its links, each on a line of its own."""
        lines = [self.text]
        if self.approval_link is not None:
            lines.append(f"Approve or reject: {self.approval_link}")
        if self.incident_url is not None:
            lines.append(f"Incident: {self.incident_url}")
        return "\n".join(lines)


class Failure(StrEnum):
    """Why a message did not arrive."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    FAILED = "failed"


class NotDeliveredError(Exception):
    """The message did not arrive, as far as can be told; the text says why, and holds no secret."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


class Notifier(Protocol):
    """One way of telling people."""

    @property
    def kind(self) -> str:
        """What it is, for people: `Slack`, `E-Mail`, `log`."""
        ...

    def send(self, message: Message) -> None:
        """Deliver now, in bounded time, or raise `NotDeliveredError`. The same message may be sent twice."""
        ...
