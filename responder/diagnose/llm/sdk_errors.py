"""What goes wrong under the SDKs of OpenAI and Anthropic, as errors of ours, in one place for both."""

from collections.abc import Coroutine, Mapping
from typing import Any

from responder.diagnose.llm.event_loop import EventLoopThread
from responder.diagnose.llm.provider import (
    Completion,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    RateLimited,
)
from responder.diagnose.llm.retry_after import retry_after_s

MAX_TIMEOUT_S = 600.0
"""The SDKs' own time-out of a connection; the deadline of a call is shorter."""

CLOSE_S = 2.0


def completed(loop: EventLoopThread, call: Coroutine[Any, Any, Completion], deadline_s: float) -> Completion:
    """What `call` returns. Raises ProviderTimeout where it is not there after `deadline_s` seconds."""
    try:
        return loop.run(call, deadline_s)
    except TimeoutError as error:
        raise ProviderTimeout(f"no whole answer within {deadline_s:.3g} s") from error


def broken(error: Exception, timed_out: bool) -> ProviderError:
    """For an error of the connection; one of ours that was raised while reading goes on as it is."""
    cause = error.__cause__
    if isinstance(cause, ProviderError):
        return cause
    if timed_out:
        return ProviderTimeout("the connection timed out")
    return ProviderUnreachable(f"no connection, or one that broke ({type(cause or error).__name__})")


def refused(status: int, headers: Mapping[str, str], model: str) -> ProviderError:
    """For an answer with an error status; 529 is Anthropic's "overloaded"."""
    match status:
        case 429 | 529:
            return RateLimited(f"it answered {status}, too busy", retry_after_s(headers))
        case 404:
            return ProviderRefused(f"it answered 404: is the model {model} there, and the URL right?")
        case 401 | 403:
            return ProviderRefused(f"it answered {status}: is the key right?")
        case _ if status >= 500 or status == 408:
            return ProviderUnreachable(f"it answered {status}")
        case _:
            return ProviderRefused(f"it answered {status}")
