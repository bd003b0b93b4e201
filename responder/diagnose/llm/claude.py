"""Claude, through Anthropic's Messages API."""

from collections.abc import Mapping
from typing import Literal

import anthropic
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from responder.diagnose.llm.bounded_http import bounded_client
from responder.diagnose.llm.event_loop import EventLoopThread
from responder.diagnose.llm.provider import (
    BadAnswer,
    Completion,
    Prompt,
    ProviderRefused,
    ProviderUnreachable,
    Refusal,
)
from responder.diagnose.llm.sdk_errors import CLOSE_S, MAX_TIMEOUT_S, broken, completed, refused


class _Block(BaseModel):
    type: str
    text: str = ""


class _Usage(BaseModel):
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)


class _Answer(BaseModel):
    """The little that is read of a `message`."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["message"]
    content: list[_Block]
    model: str
    stop_reason: str | None = None
    usage: _Usage


class Claude:
    """Implements `LlmProvider`. The JSON schema is a promise of the API (structured outputs).

    A model that does not know them answers 400, and is asked without from then on.
    """

    name = "claude"

    def __init__(self, loop: EventLoopThread, *, base_url: str, model: str, api_key: str) -> None:
        self.model = model
        self._loop = loop
        self._structured = True
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            open_telemetry=False,  # the caller makes the span of the call
            http_client=bounded_client(base_url, MAX_TIMEOUT_S),
        )

    def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        """The model's answer; see `LlmProvider`."""
        return completed(self._loop, self._complete(prompt), deadline_s)

    def close(self) -> None:
        """Ends its connections."""
        self._loop.run(self._client.close(), CLOSE_S)

    async def _complete(self, prompt: Prompt) -> Completion:
        while True:
            structured = self._structured
            try:
                return _completion(await self._post(prompt, structured))
            except anthropic.APIStatusError as error:
                if error.status_code != 400 or not structured:
                    raise refused(error.status_code, error.response.headers, self.model) from error
                self._structured = False
            except anthropic.APIConnectionError as error:
                raise broken(error, isinstance(error, anthropic.APITimeoutError)) from error

    async def _post(self, prompt: Prompt, structured: bool) -> bytes:
        messages: list[anthropic.types.MessageParam] = []
        for one in prompt.messages:
            if one.role == "user":
                messages.append({"role": "user", "content": one.text})
            else:
                messages.append({"role": "assistant", "content": one.text})
        schema: anthropic.types.JSONOutputFormatParam = {
            "type": "json_schema",
            "schema": _without_bounds(prompt.schema),
        }
        raw = await self._client.messages.with_raw_response.create(
            model=self.model,
            max_tokens=prompt.max_tokens,
            system=prompt.system,
            messages=messages,
            output_config={"format": schema} if structured else anthropic.omit,
        )
        return bytes(await raw.read())


def _without_bounds(schema: Mapping[str, object]) -> dict[str, object]:
    """`schema` without bounds on lists, which the API refuses."""
    return {
        name: _without_bounds(value) if isinstance(value, Mapping) else value
        for name, value in schema.items()
        if name != "maxItems"
    }


def _completion(body: bytes) -> Completion:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        raise ProviderUnreachable("what answered is no message of Claude's API") from error
    if answer.stop_reason == "refusal":
        raise ProviderRefused("the model refused to answer")
    if answer.stop_reason in ("max_tokens", "model_context_window_exceeded"):
        raise BadAnswer(Refusal.CUT_OFF, "the answer was cut off at its greatest length; be shorter")
    text = "".join(block.text for block in answer.content if block.type == "text")
    return Completion(text, answer.model, answer.usage.input_tokens, answer.usage.output_tokens)
