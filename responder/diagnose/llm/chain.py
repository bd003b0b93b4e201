"""Analysts in order: models while they answer in time and within budget, the offline analyst always."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from opentelemetry.metrics import Meter

from detector.hosting.registry import counter
from responder import telemetry_registry as told
from responder.diagnose.analyst import Analyst
from responder.diagnose.llm.guarded import AttemptTelling, GuardedProvider
from responder.diagnose.llm.merge import merged
from responder.diagnose.llm.model_analyst import ModelAnalyst
from responder.diagnose.llm.typed_evidence import is_measured
from responder.incident_record import AttemptOutcome, Case, Diagnosis, DiagnosisOutcome, ProviderAttempt


@dataclass(frozen=True, slots=True)
class ChainConfig:
    """Seconds: `deadline_s` for a diagnosis in all, `provider_deadline_s` for each provider in it."""

    deadline_s: float = 20.0
    provider_deadline_s: float = 12.0


class DiagnosisChain:
    """Implements `Analyst` by several. The first model whose answer can be taken is the one that answers;
    the offline analyst does where there is none, so that no incident waits for a model.

    Each attempt stands on the diagnosis, as an event on the current span, and in the counter
    `aegisops.diagnosis.attempts`. `clock` gives monotonic seconds.
    """

    name = "chain"

    def __init__(
        self,
        providers: Sequence[GuardedProvider],
        model: ModelAnalyst,
        offline: Analyst,
        *,
        config: ChainConfig,
        clock: Callable[[], float],
        meter: Meter,
    ) -> None:
        self._providers = tuple(providers)
        self._model = model
        self._offline = offline
        self._config = config
        self._clock = clock
        self._telling = AttemptTelling(
            counter(meter, told.DIAGNOSIS_ATTEMPTS),
            "diagnosis",
            "aegisops.diagnosis.attempt",
            "aegisops.diagnosis.detail",
        )

    def diagnose(self, case: Case) -> Diagnosis:
        """The diagnosis of `case`; see `Analyst`. Blocks for at most the deadline."""
        started = self._clock()
        known = self._offline.diagnose(case)
        offline_s = self._clock() - started
        until = started + self._config.deadline_s
        needless = _needless(case, known)
        attempts: list[ProviderAttempt] = []
        for provider in self._providers:
            if needless:
                diagnosis, attempt = None, provider.not_asked(AttemptOutcome.NOT_NEEDED, needless)
            else:
                diagnosis, attempt = self._attempt(provider, case, known, until)
            attempts.append(attempt)
            self._telling.tell(attempt)
            if diagnosis is not None:
                return replace(diagnosis, attempts=tuple(attempts))
        last = ProviderAttempt(self._offline.name, "", AttemptOutcome.ANSWERED, "", offline_s)
        self._telling.tell(last)
        return replace(known, attempts=(*attempts, last))

    def _attempt(
        self, provider: GuardedProvider, case: Case, known: Diagnosis, until: float
    ) -> tuple[Diagnosis | None, ProviderAttempt]:
        end = min(until, self._clock() + self._config.provider_deadline_s)
        diagnosis, attempt = provider.attempt(end, lambda calls: merged(self._model.ask(case, calls), known))
        if diagnosis is known:
            attempt = replace(attempt, detail="it could not tell; what is known without it stands")
        return diagnosis, attempt


def _needless(case: Case, known: Diagnosis) -> str:
    """Why no model need be asked; empty where one should."""
    if known.outcome is DiagnosisOutcome.NOTHING_WRONG:
        return "telemetry is back to normal"
    if not any(is_measured(one) for one in case.incident.evidence):
        return "nothing was measured that a diagnosis could rest on"
    return ""
