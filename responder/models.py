"""The language models of the settings, put together. Only those that are named are loaded."""

import logging
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry import trace
from pydantic import SecretStr

from responder.diagnose.llm import (
    AskingConfig,
    Budget,
    CircuitBreaker,
    EventLoopThread,
    GuardedModel,
    LlmProvider,
    LookUps,
    ModelAnalyst,
    Price,
    PromptLimits,
    Prompts,
    TracedLookUps,
)
from responder.diagnose.llm.loopback import is_loopback
from responder.legibility import Gate
from responder.llm_settings import LlmSettings, ProviderName

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Models:
    """The models in their order, and the thread their calls run in."""

    guarded: tuple[GuardedModel, ...]
    loop: EventLoopThread

    def close(self) -> None:
        """Ends their connections and the thread."""
        for model in self.guarded:
            model.analyst.provider.close()
        self.loop.close()


def build_models(settings: LlmSettings, look_ups: LookUps, tracer: trace.Tracer) -> Models:
    """The models of `settings`, each with its own budget and breaker."""
    loop = EventLoopThread()
    gate = Gate()
    prompts = Prompts(
        PromptLimits(settings.diagnosis_prompt_tokens, settings.diagnosis_answer_tokens),
        lambda: secrets.token_hex(8),
    )
    config = AskingConfig(settings.diagnosis_max_look_ups, settings.diagnosis_share_text)
    guarded = []
    for name in settings.models:
        provider, url = _provider(name, settings, loop)
        _tell(name, provider.model, url)
        analyst = ModelAnalyst(
            provider,
            prompts,
            Budget(
                settings.diagnosis_tokens_per_hour,
                settings.diagnosis_usd_per_hour,
                Price(*settings.diagnosis_prices.get(provider.model, (0.0, 0.0))),
                time.monotonic,
            ),
            config=config,
            tracer=tracer,
            clock=time.monotonic,
            look_ups=TracedLookUps(look_ups, tracer),
            gate=gate,
        )
        breaker = CircuitBreaker(
            settings.diagnosis_breaker_failures, settings.diagnosis_breaker_open_s, time.monotonic
        )
        guarded.append(GuardedModel(analyst, breaker))
    return Models(tuple(guarded), loop)


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
