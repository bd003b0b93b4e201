"""The calls of one attempt: each within the time left, paid from the budget, with a span of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from responder import telemetry_registry as told
from responder.diagnose.llm import fence
from responder.diagnose.llm.budget import Budget
from responder.diagnose.llm.model_metrics import ModelMetrics, semantic_name
from responder.diagnose.llm.provider import (
    Completion,
    LlmProvider,
    OverBudget,
    Prompt,
    ProviderError,
    ProviderTimeout,
)
from responder.redaction import sanitised

_LEAST_S = 0.2


@dataclass(slots=True)
class Usage:
    """Tokens of an attempt; estimated where the server does not count."""

    tokens_in: int = 0
    tokens_out: int = 0


class ModelCalls:
    """Asks one provider until `until` (of `clock`, monotonic seconds)."""

    def __init__(
        self,
        provider: LlmProvider,
        budget: Budget,
        tracer: trace.Tracer,
        clock: Callable[[], float],
        until: float,
        *,
        metrics: ModelMetrics,
        server: Mapping[str, AttributeValue],
    ) -> None:
        self.provider = provider
        self._budget = budget
        self._tracer = tracer
        self._clock = clock
        self._until = until
        self._metrics = metrics
        self._server = server
        self.usage = Usage()

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return self._until - self._clock()

    def complete(self, prompt: Prompt) -> str:
        """The text of the answer. Raises ProviderError."""
        left = self.left_s
        if left < _LEAST_S:
            raise ProviderTimeout("no time was left for another call")
        text = prompt.system + "".join(message.text for message in prompt.messages)
        estimate = fence.tokens(text)
        reserved = self._budget.reserve(estimate, prompt.max_tokens)
        if reserved is None:
            raise OverBudget("this hour's tokens or money are spent")
        used = (estimate, prompt.max_tokens)  # also what a call costs that gave no answer
        try:
            done = self._traced(prompt, left)
            used = (
                estimate if done.tokens_in is None else done.tokens_in,
                fence.tokens(done.text) if done.tokens_out is None else done.tokens_out,
            )
            return done.text
        finally:
            self._budget.settle(reserved, *used)
            self._metrics.paid(self._budget.price.of(*used), self.provider.name, self.provider.model)
            self.usage.tokens_in += used[0]
            self.usage.tokens_out += used[1]

    def _traced(self, prompt: Prompt, left: float) -> Completion:
        provider = self.provider
        known: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": semantic_name(provider.name),
            "gen_ai.request.model": provider.model,
            **self._server,
        }
        asked: dict[str, AttributeValue] = {
            "gen_ai.request.max_tokens": prompt.max_tokens,
            "gen_ai.output.type": "json",
        }
        with self._tracer.start_as_current_span(
            told.CHAT.named(provider.model),
            kind=SpanKind.CLIENT,
            attributes={**known, **asked},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            began = self._clock()
            try:
                done = provider.complete(prompt, left)
            except Exception as error:
                kind = error.outcome.value if isinstance(error, ProviderError) else type(error).__name__
                self._metrics.called(self._clock() - began, {**known, "error.type": kind})
                span.set_attribute("error.type", kind)
                span.set_status(Status(StatusCode.ERROR, sanitised(str(error), 200)))
                raise
            known["gen_ai.response.model"] = sanitised(done.model, 100)
            self._metrics.called(self._clock() - began, known)
            self._metrics.counted(done, known)
            span.set_attributes(known)
            for name, tokens in (("input", done.tokens_in), ("output", done.tokens_out)):
                if tokens is not None:
                    span.set_attribute(f"gen_ai.usage.{name}_tokens", tokens)
            return done
