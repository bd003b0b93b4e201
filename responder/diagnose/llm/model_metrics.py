"""What calls of language models are measured by: the metrics of the GenAI conventions, and their cost."""

from collections.abc import Mapping

from opentelemetry.metrics import Meter
from opentelemetry.util.types import AttributeValue

from detector.hosting.registry import counter, histogram
from responder import telemetry_registry as told
from responder.diagnose.llm.provider import Completion

_SEMANTIC_NAMES = {"claude": "anthropic"}
"""Where our name of a provider is not that of the semantic conventions."""


def semantic_name(provider: str) -> str:
    """`gen_ai.provider.name` of a provider."""
    return _SEMANTIC_NAMES.get(provider, provider)


class ModelMetrics:
    """Duration, tokens and cost of calls, recorded in the current context, so that exemplars lead to it."""

    def __init__(self, meter: Meter) -> None:
        self._duration = histogram(meter, told.MODEL_DURATION)
        self._tokens = histogram(meter, told.MODEL_TOKENS)
        self._cost = counter(meter, told.MODEL_COST)

    def called(self, seconds: float, attributes: Mapping[str, AttributeValue]) -> None:
        """A call took so long, whatever came of it."""
        self._duration.record(seconds, attributes)

    def counted(self, done: Completion, attributes: Mapping[str, AttributeValue]) -> None:
        """What the provider counted of a call."""
        for kind, tokens in (("input", done.tokens_in), ("output", done.tokens_out)):
            if tokens is not None:
                self._tokens.record(tokens, {**attributes, "gen_ai.token.type": kind})

    def paid(self, usd: float, provider: str, model: str) -> None:
        """What a call cost, also where that is estimated."""
        known = {"gen_ai.provider.name": semantic_name(provider), "gen_ai.request.model": model}
        self._cost.add(usd, known)
