"""The contract of a language model's provider, and the ways in which it may fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from responder.incident_record import AttemptOutcome


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that is sent. `schema` is the JSON schema the answer must have, `schema_name` its name;
    `max_tokens` bounds the answer."""

    system: str
    messages: tuple[Message, ...]
    schema_name: str
    schema: Mapping[str, object]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Completion:
    """The raw answer. `model` is the one that says it answered; tokens are None where it does not count."""

    text: str
    model: str
    tokens_in: int | None = None
    tokens_out: int | None = None


class LlmProvider(Protocol):
    """Sends one prompt to one model. Called from several threads at once; a call may be repeated.

    Promises: returns or raises `ProviderError` within `deadline_s` seconds (a little more for the
    bookkeeping), whatever the other side does; reads a bounded number of bytes; raises nothing else.
    """

    name: str
    model: str

    def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        """The model's answer to `prompt`."""
        ...

    def close(self) -> None:
        """Ends its connections; not called again after."""
        ...


class ProviderError(Exception):
    """No usable answer came. `outcome` says why, the message what happened in words of ours."""

    outcome = AttemptOutcome.FAILED


class ProviderTimeout(ProviderError):  # noqa: N818 - reads as what happened
    """The whole answer was not there in time."""

    outcome = AttemptOutcome.TIMEOUT


class ProviderUnreachable(ProviderError):  # noqa: N818 - reads as what happened
    """No connection, one that broke, or an answer that is no answer of such a server (5xx, HTML)."""

    outcome = AttemptOutcome.UNREACHABLE


class RateLimited(ProviderError):  # noqa: N818 - reads as what happened
    """429; `retry_after_s` where the server said when to come back."""

    outcome = AttemptOutcome.RATE_LIMITED

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProviderRefused(ProviderError):  # noqa: N818 - reads as what happened
    """The server or the model will not answer: credentials, an unknown model, a filter, a bad request."""

    outcome = AttemptOutcome.REFUSED


class OverBudget(ProviderError):  # noqa: N818 - reads as what happened
    """The hour's tokens or money are spent, so nothing was sent."""

    outcome = AttemptOutcome.OVER_BUDGET


class Refusal(StrEnum):
    """Why an answer was not taken."""

    TOO_LONG = "too_long"
    CUT_OFF = "cut_off"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    UNKNOWN_EVIDENCE = "unknown_evidence"
    NOTHING_CITED = "nothing_cited"
    NOT_MEASURED = "not_measured"
    ACTION_NOT_ALLOWED = "action_not_allowed"
    ALREADY_TRIED = "already_tried"
    FOREIGN_TARGET = "foreign_target"
    CONFIDENCE_WITHOUT_GROUNDS = "confidence_without_grounds"
    CONTRADICTS_TELEMETRY = "contradicts_telemetry"
    LOOK_UP_NOT_OFFERED = "look_up_not_offered"
    GARBLED = "garbled"


class BadAnswer(ProviderError):  # noqa: N818 - reads as what happened
    """There is an answer, and it cannot be taken; the message can be told to the model."""

    outcome = AttemptOutcome.BAD_ANSWER

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason
