"""Any server that speaks OpenAI's chat completions: Ollama, vLLM, llama.cpp, a router, OpenAI itself."""

from collections.abc import Sequence
from typing import Any

import openai
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

_FORMATS = ("json_schema", "json_object", "plain")
_FORMAT_UNKNOWN = (400, 415, 422, 501)
_OLD_PARAMETERS = ("max_tokens", "temperature")


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = Field(None, ge=0)
    completion_tokens: int | None = Field(None, ge=0)


class _Answer(BaseModel):
    """The little that is read of a `chat.completion`; servers add what they like."""

    model_config = ConfigDict(extra="ignore")

    choices: list[_Choice] = Field(min_length=1)
    model: str = ""
    usage: _Usage | None = None


class OpenAiCompatible:
    """Implements `LlmProvider` by `POST {base_url}/chat/completions`.

    A server that answers 400 to a JSON schema is asked for any JSON object, then for plain text; what it
    took is remembered, as is that a model wants the newer `max_completion_tokens` (reasoning models). No
    retries: trying again is the caller's decision.
    """

    def __init__(
        self,
        loop: EventLoopThread,
        *,
        name: str,
        base_url: str,
        model: str,
        api_key: str,
        formats: Sequence[str] = _FORMATS,
    ) -> None:
        self.name = name
        self.model = model
        self._loop = loop
        self._formats = tuple(formats)
        self._newer = False
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            # Given, so that those of another server are not taken from the environment.
            admin_api_key="",
            default_headers={"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()},  # type: ignore[dict-item]  # how the SDK leaves a header out
            max_retries=0,
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
            kind, newer = self._formats[0], self._newer
            try:
                return _completion(await self._post(prompt, kind, newer))
            except openai.APIStatusError as error:
                if error.status_code == 400 and not newer and error.param in _OLD_PARAMETERS:
                    self._newer = True
                    continue
                if error.status_code not in _FORMAT_UNKNOWN or self._formats[1:] == ():
                    raise refused(error.status_code, error.response.headers, self.model) from error
                if self._formats[0] == kind:  # else another call has already taken the step
                    self._formats = self._formats[1:]
            except openai.APIConnectionError as error:
                raise broken(error, isinstance(error, openai.APITimeoutError)) from error

    async def _post(self, prompt: Prompt, kind: str, newer: bool) -> bytes:
        messages: list[dict[str, str]] = [{"role": "system", "content": prompt.system}]
        messages += [{"role": one.role, "content": one.text} for one in prompt.messages]
        options: dict[str, Any] = {"max_tokens": prompt.max_tokens, "temperature": 0.0}
        if newer:
            options = {"max_completion_tokens": prompt.max_tokens}
        if kind == "json_schema":
            schema = {"name": prompt.schema_name, "schema": dict(prompt.schema), "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif kind == "json_object":
            options["response_format"] = {"type": "json_object"}
        raw = await self._client.chat.completions.with_raw_response.create(
            model=self.model,
            messages=messages,  # type: ignore[arg-type]  # the SDK's unions of dictionaries
            **options,
        )
        return bytes(raw.content)


def _completion(body: bytes) -> Completion:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        # HTML of a proxy, or another service on that port: no fault of the model.
        raise ProviderUnreachable("what answered is no chat completion") from error
    first = answer.choices[0]
    if first.message.refusal or first.finish_reason == "content_filter":
        raise ProviderRefused("the model or a filter before it refused to answer")
    if first.finish_reason == "length":
        raise BadAnswer(Refusal.CUT_OFF, "the answer was cut off at its greatest length; be shorter")
    usage = answer.usage or _Usage(prompt_tokens=None, completion_tokens=None)
    return Completion(first.message.content or "", answer.model, usage.prompt_tokens, usage.completion_tokens)
