"""Analysts in order: models while they answer in time and within budget, the offline analyst always."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from opentelemetry import trace
from opentelemetry.metrics import Meter

from responder.diagnose.analyst import Analyst
from responder.diagnose.llm.breaker import CircuitBreaker
from responder.diagnose.llm.merge import merged
from responder.diagnose.llm.model_analyst import ModelAnalyst
from responder.diagnose.llm.model_calls import Usage
from responder.diagnose.llm.provider import BadAnswer, OverBudget, ProviderError, RateLimited
from responder.diagnose.llm.typed_evidence import is_measured
from responder.incident_record import AttemptOutcome, Case, Diagnosis, DiagnosisOutcome, ProviderAttempt
from responder.redaction import sanitised

_LOG = logging.getLogger(__name__)
_LEAST_S = 0.5
_MAX_DETAIL = 200


@dataclass(frozen=True, slots=True)
class ChainConfig:
    """Seconds: `deadline_s` for a diagnosis in all, `provider_deadline_s` for each provider in it."""

    deadline_s: float = 20.0
    provider_deadline_s: float = 12.0


@dataclass(frozen=True, slots=True)
class GuardedModel:
    """A model with the breaker that leaves it alone while it fails."""

    analyst: ModelAnalyst
    breaker: CircuitBreaker


class DiagnosisChain:
    """Implements `Analyst` by several. The first model whose answer can be taken is the one that answers;
    the offline analyst does where there is none, so that no incident waits for a model.

    Each attempt stands on the diagnosis, as an event on the current span, and in the counter
    `aegisops.diagnosis.attempts`. `clock` gives monotonic seconds.
    """

    name = "chain"

    def __init__(
        self,
        models: Sequence[GuardedModel],
        offline: Analyst,
        *,
        config: ChainConfig,
        clock: Callable[[], float],
        meter: Meter,
    ) -> None:
        self._models = tuple(models)
        self._offline = offline
        self._config = config
        self._clock = clock
        self._counter = meter.create_counter(
            "aegisops.diagnosis.attempts",
            unit="{attempt}",
            description="Providers that were to diagnose, by outcome.",
        )

    def diagnose(self, case: Case) -> Diagnosis:
        """The diagnosis of `case`; see `Analyst`. Blocks for at most the deadline."""
        started = self._clock()
        known = self._offline.diagnose(case)
        offline_s = self._clock() - started
        until = started + self._config.deadline_s
        needless = _needless(case, known)
        attempts: list[ProviderAttempt] = []
        for model in self._models:
            diagnosis, attempt = self._attempt(model, case, known, until, needless)
            attempts.append(attempt)
            self._tell(attempt)
            if diagnosis is not None:
                return replace(diagnosis, attempts=tuple(attempts))
        last = ProviderAttempt(self._offline.name, "", AttemptOutcome.ANSWERED, "", offline_s)
        self._tell(last)
        return replace(known, attempts=(*attempts, last))

    def _attempt(
        self, model: GuardedModel, case: Case, known: Diagnosis, until: float, needless: str
    ) -> tuple[Diagnosis | None, ProviderAttempt]:
        provider = model.analyst.provider

        def result(
            outcome: AttemptOutcome, detail: str, seconds: float = 0.0, usage: Usage | None = None
        ) -> ProviderAttempt:
            used = usage or Usage()
            text = sanitised(detail, _MAX_DETAIL)
            return ProviderAttempt(
                provider.name, provider.model, outcome, text, seconds, used.tokens_in, used.tokens_out
            )

        if needless:
            return None, result(AttemptOutcome.NOT_NEEDED, needless)
        now = self._clock()
        if until - now < _LEAST_S:
            return None, result(AttemptOutcome.NO_TIME_LEFT, "the providers before it took the time")
        if not model.breaker.enter():
            return None, result(
                AttemptOutcome.BREAKER_OPEN, "it failed lately, and is left alone for a while"
            )
        calls = model.analyst.calls(min(until, now + self._config.provider_deadline_s))
        try:
            diagnosis = merged(model.analyst.ask(case, calls), known)
        except ProviderError as error:
            self._failed(model.breaker, error)
            return None, result(error.outcome, _told(error), self._clock() - now, calls.usage)
        except Exception as error:  # noqa: BLE001 - an incident must outlive a provider's mistake
            _LOG.warning("provider %s failed", provider.name, exc_info=True)
            model.breaker.failed()
            detail = f"it raised {type(error).__name__}"
            return None, result(AttemptOutcome.FAILED, detail, self._clock() - now, calls.usage)
        model.breaker.succeeded()
        detail = "" if diagnosis is not known else "it could not tell; what is known without it stands"
        return diagnosis, result(AttemptOutcome.ANSWERED, detail, self._clock() - now, calls.usage)

    def _failed(self, breaker: CircuitBreaker, error: ProviderError) -> None:
        if isinstance(error, OverBudget):
            breaker.given_back()
        elif isinstance(error, RateLimited):
            breaker.failed(error.retry_after_s or 0.0)
        else:
            breaker.failed()

    def _tell(self, attempt: ProviderAttempt) -> None:
        attributes = {
            "gen_ai.provider.name": attempt.provider,
            "aegisops.diagnosis.attempt": attempt.outcome.value,
        }
        self._counter.add(1, attributes)
        about = {
            **attributes,
            "gen_ai.request.model": attempt.model,
            "aegisops.diagnosis.detail": attempt.detail,
        }
        trace.get_current_span().add_event("attempt", about)
        if attempt.outcome not in (AttemptOutcome.ANSWERED, AttemptOutcome.NOT_NEEDED):
            _LOG.warning(
                "no diagnosis by %s: %s (%s)", attempt.provider, attempt.outcome.value, attempt.detail
            )


def _told(error: ProviderError) -> str:
    return f"{error.reason.value}: {error}" if isinstance(error, BadAnswer) else str(error)


def _needless(case: Case, known: Diagnosis) -> str:
    """Why no model need be asked; empty where one should."""
    if known.outcome is DiagnosisOutcome.NOTHING_WRONG:
        return "telemetry is back to normal"
    if not any(is_measured(one) for one in case.incident.evidence):
        return "nothing was measured that a diagnosis could rest on"
    return ""
