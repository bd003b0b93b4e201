"""The language models of the settings, put together. Only those that are named are loaded."""

import logging
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.metrics import Meter
from opentelemetry.util.types import AttributeValue
from pydantic import SecretStr

from responder.deliberate import CouncilMember
from responder.deliberate.ballot import Ballots
from responder.deliberate.model_member import ModelMember, vote_telling
from responder.diagnose import Analyst
from responder.diagnose.llm import (
    AskingConfig,
    AttemptTelling,
    Budget,
    ChainConfig,
    CircuitBreaker,
    DiagnosisChain,
    EventLoopThread,
    GuardedProvider,
    LlmProvider,
    LookUps,
    ModelAnalyst,
    ModelMetrics,
    Price,
    PromptLimits,
    Prompts,
    TracedLookUps,
)
from responder.legibility import Gate
from responder.llm_settings import LlmSettings, ProviderName
from responder.loopback import is_loopback

_LOG = logging.getLogger(__name__)


_PORTS = {"http": 80, "https": 443}
_COUNCIL_SHARE = 0.8
"""How much of a council member's deadline models may take; with the rest it falls back on its rules."""


@dataclass(frozen=True, slots=True)
class Models:
    """The providers in their order, who asks them, and the thread their calls run in."""

    providers: tuple[GuardedProvider, ...]
    analyst: ModelAnalyst
    ballots: Ballots
    config: ChainConfig
    meter: Meter
    votes: AttemptTelling
    loop: EventLoopThread

    def before(self, offline: Analyst) -> Analyst:
        """The models as analysts, and `offline` after them."""
        return DiagnosisChain(
            self.providers, self.analyst, offline, config=self.config, clock=time.monotonic, meter=self.meter
        )

    def over(self, offline: CouncilMember, deadline_s: float) -> CouncilMember:
        """The models as a council member over the rules of `offline`, to answer within `deadline_s`."""
        return ModelMember(
            offline,
            self.providers,
            self.ballots,
            deadline_s=_COUNCIL_SHARE * deadline_s,
            clock=time.monotonic,
            telling=self.votes,
        )

    def close(self) -> None:
        """Ends their connections and the thread."""
        for one in self.providers:
            one.provider.close()
        self.loop.close()


def build_models(
    settings: LlmSettings, look_ups: LookUps, gate: Gate, tracer: trace.Tracer, meter: Meter
) -> Models:
    """The models of `settings`. Each provider has one budget and one breaker, whoever asks it."""
    loop = EventLoopThread()
    metrics = ModelMetrics(meter)
    limits = PromptLimits(settings.diagnosis_prompt_tokens, settings.diagnosis_answer_tokens)
    return Models(
        providers=tuple(_guarded(name, settings, loop, tracer, metrics) for name in settings.models),
        analyst=ModelAnalyst(
            Prompts(limits, _new_mark),
            config=AskingConfig(settings.diagnosis_max_look_ups, settings.diagnosis_share_text),
            gate=gate,
            look_ups=TracedLookUps(look_ups, tracer),
        ),
        ballots=Ballots(limits, _new_mark),
        config=ChainConfig(settings.diagnosis_deadline_s, settings.diagnosis_provider_deadline_s),
        meter=meter,
        votes=vote_telling(meter),
        loop=loop,
    )


def _new_mark() -> str:
    return secrets.token_hex(8)


def _guarded(
    name: ProviderName,
    settings: LlmSettings,
    loop: EventLoopThread,
    tracer: trace.Tracer,
    metrics: ModelMetrics,
) -> GuardedProvider:
    provider, url = _provider(name, settings, loop)
    _tell(name, provider.model, url)
    price = Price(*settings.diagnosis_prices.get(provider.model, (0.0, 0.0)))
    address = urlsplit(url)
    server: dict[str, AttributeValue] = {
        "server.address": address.hostname or "",
        "server.port": address.port or _PORTS[address.scheme],
    }
    return GuardedProvider(
        provider,
        Budget(settings.diagnosis_tokens_per_hour, settings.diagnosis_usd_per_hour, price, time.monotonic),
        CircuitBreaker(
            settings.diagnosis_breaker_failures, settings.diagnosis_breaker_open_s, time.monotonic
        ),
        tracer,
        time.monotonic,
        metrics,
        server,
    )


def _tell(name: ProviderName, model: str, url: str) -> None:
    where = urlsplit(url)
    _LOG.info("incidents are diagnosed by %s (%s), prompts go to %s", name, model, where.hostname)
    if where.scheme != "https" and not is_loopback(where.hostname or ""):
        _LOG.warning("prompts and the key go to %s in the clear: use an https URL", where.hostname)


def _provider(name: ProviderName, settings: LlmSettings, loop: EventLoopThread) -> tuple[LlmProvider, str]:
    """A provider, and the URL it sends to. The SDKs take seconds to load, so each only where it is used."""
    if name == "claude":
        from responder.diagnose.llm.claude import Claude  # noqa: PLC0415 - see above

        url = settings.anthropic_base_url
        key = _key(settings.anthropic_api_key)
        return Claude(loop, base_url=url, model=settings.anthropic_model, api_key=key), url
    from responder.diagnose.llm.openai_compatible import OpenAiCompatible  # noqa: PLC0415 - see above

    if name == "ollama":
        url, model, key = settings.ollama_base_url, settings.ollama_model, _key(None)
    else:
        url, model = settings.openai_base_url, settings.openai_model or ""
        key = _key(settings.openai_api_key)
    return OpenAiCompatible(loop, name=name, base_url=url, model=model, api_key=key), url


def _key(key: SecretStr | None) -> str:
    """The SDKs want one, also for servers that do not."""
    return key.get_secret_value() if key else "none"
