"""One provider with its guards, shared by all who ask it: a budget, a breaker, a record of each attempt."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from opentelemetry import trace
from opentelemetry.metrics import Counter, NoOpMeter
from opentelemetry.util.types import AttributeValue

from responder import telemetry_registry as told
from responder.diagnose.llm.breaker import CircuitBreaker
from responder.diagnose.llm.budget import Budget
from responder.diagnose.llm.model_calls import ModelCalls, Usage
from responder.diagnose.llm.model_metrics import ModelMetrics, semantic_name
from responder.diagnose.llm.provider import BadAnswer, LlmProvider, OverBudget, ProviderError, RateLimited
from responder.incident_record import AttemptOutcome, ProviderAttempt
from responder.redaction import sanitised

_LOG = logging.getLogger(__name__)
_LEAST_S = 0.2
_MAX_DETAIL = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GuardedProvider:
    """A provider, what it may cost, and the breaker that leaves it alone while it fails.

    Analyst and council share the object, so that what one of them finds out about a provider counts for
    the other. Safe for several threads. `clock` gives monotonic seconds; `server`: the attributes that say
    where it is.
    """

    provider: LlmProvider
    budget: Budget
    breaker: CircuitBreaker
    tracer: trace.Tracer
    clock: Callable[[], float]
    metrics: ModelMetrics = field(default_factory=lambda: ModelMetrics(NoOpMeter(told.SCOPE)))
    server: Mapping[str, AttributeValue] = field(default_factory=dict)

    def attempt(self, until: float, ask: Callable[[ModelCalls], T]) -> tuple[T | None, ProviderAttempt]:
        """What `ask` makes of calls that must end at `until`, and how that went; None where it failed.

        `ask` raises BadAnswer for an answer that cannot be taken.
        """
        started = self.clock()
        if until - started < _LEAST_S:
            return None, self.not_asked(AttemptOutcome.NO_TIME_LEFT, "the time was over")
        if not self.breaker.enter():
            return None, self.not_asked(
                AttemptOutcome.BREAKER_OPEN, "it failed lately, and is left alone for a while"
            )
        calls = ModelCalls(
            self.provider,
            self.budget,
            self.tracer,
            self.clock,
            until,
            metrics=self.metrics,
            server=self.server,
        )
        try:
            answer = ask(calls)
        except ProviderError as error:
            self._failed(error)
            return None, self._attempt(error.outcome, _told(error), self.clock() - started, calls.usage)
        except Exception as error:  # noqa: BLE001 - an incident must outlive a provider's mistake
            _LOG.warning("provider %s failed", self.provider.name, exc_info=True)
            self.breaker.failed()
            detail = f"it raised {type(error).__name__}"
            return None, self._attempt(AttemptOutcome.FAILED, detail, self.clock() - started, calls.usage)
        self.breaker.succeeded()
        return answer, self._attempt(AttemptOutcome.ANSWERED, "", self.clock() - started, calls.usage)

    def not_asked(self, outcome: AttemptOutcome, why: str) -> ProviderAttempt:
        """The record of an attempt that was not made."""
        return self._attempt(outcome, why, 0.0, Usage())

    def _attempt(self, outcome: AttemptOutcome, detail: str, seconds: float, usage: Usage) -> ProviderAttempt:
        return ProviderAttempt(
            self.provider.name,
            self.provider.model,
            outcome,
            sanitised(detail, _MAX_DETAIL),
            seconds,
            usage.tokens_in,
            usage.tokens_out,
        )

    def _failed(self, error: ProviderError) -> None:
        if isinstance(error, OverBudget):
            self.breaker.given_back()
        elif isinstance(error, RateLimited):
            self.breaker.failed(error.retry_after_s or 0.0)
        else:
            self.breaker.failed()


def _told(error: ProviderError) -> str:
    return f"{error.reason.value}: {error}" if isinstance(error, BadAnswer) else str(error)


@dataclass(frozen=True, slots=True)
class AttemptTelling:
    """Tells of attempts: on the current span, in a counter, and in the log where no answer came.

    `what` was to be answered; `outcome_key` and `detail_key` are the attributes how it went stands in.
    """

    counter: Counter
    what: str
    outcome_key: str
    detail_key: str

    def tell(self, attempt: ProviderAttempt) -> None:
        """Tell of one."""
        attributes = {
            "gen_ai.provider.name": semantic_name(attempt.provider),
            self.outcome_key: attempt.outcome.value,
        }
        self.counter.add(1, attributes)
        about = {**attributes, "gen_ai.request.model": attempt.model, self.detail_key: attempt.detail}
        trace.get_current_span().add_event("attempt", about)
        if attempt.outcome not in (AttemptOutcome.ANSWERED, AttemptOutcome.NOT_NEEDED):
            _LOG.warning(
                "no %s by %s: %s (%s)", self.what, attempt.provider, attempt.outcome.value, attempt.detail
            )
