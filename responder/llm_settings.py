"""All that can be set of diagnosis by language models, read from the environment and validated at start.

With nothing set no model is asked, and nothing leaves the machine.
"""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from detector.hosting import SettingsError, read_settings
from responder.settings import HttpUrlText, ResponderSettings, Seconds, variable

_PREFIX = "DIAGNOSIS_"

ProviderName = Literal["ollama", "openai", "claude", "offline"]

UsDollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LlmSettings(BaseSettings):
    """Each description completes the sentence "set it to …"."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    diagnosis_providers: Annotated[tuple[ProviderName, ...], NoDecode] = Field(
        ("offline",),
        description="who diagnoses, in this order, separated by commas: ollama, openai, claude, offline; "
        "offline comes last and is always there",
    )
    diagnosis_deadline_s: Seconds = Field(
        20.0, description="how many seconds the models together may take for a diagnosis"
    )
    diagnosis_provider_deadline_s: Seconds = Field(
        12.0, description="how many seconds one provider may take for a diagnosis"
    )
    diagnosis_prompt_tokens: int = Field(
        2500, ge=1000, le=1_000_000, description="how many tokens a prompt may have, from 1000"
    )
    diagnosis_answer_tokens: int = Field(
        600, ge=200, le=100_000, description="how many tokens an answer may have, from 200"
    )
    diagnosis_max_look_ups: int = Field(
        3, ge=0, le=10, description="how many questions a model may ask before it decides, 0 to 10"
    )
    diagnosis_share_text: bool = Field(
        True,
        description="true where redacted log lines and names of series may be sent to a model, or false",
    )
    diagnosis_tokens_per_hour: int = Field(
        200_000, ge=0, description="how many tokens each provider may use in an hour"
    )
    diagnosis_usd_per_hour: float = Field(
        1.0, ge=0, allow_inf_nan=False, description="how many US dollars each provider may cost in an hour"
    )
    diagnosis_prices: Annotated[dict[str, tuple[UsDollars, UsDollars]], NoDecode] = Field(
        default={},
        description='prices by model, as JSON: {"model": [US dollars for a million tokens in, out]}',
    )
    diagnosis_breaker_failures: int = Field(
        3, ge=1, le=1000, description="after how many failures in a row a provider is left alone"
    )
    diagnosis_breaker_open_s: Seconds = Field(
        60.0, description="for how many seconds a failing provider is left alone"
    )
    ollama_base_url: str = Field(
        "http://127.0.0.1:11434/v1", description="the URL of Ollama's OpenAI-compatible API"
    )
    ollama_model: str = Field(
        "llama3.1:8b-instruct-q4_K_M", min_length=1, description="the name of a model Ollama has"
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1", description="the URL of any OpenAI-compatible API"
    )
    openai_api_key: SecretStr | None = Field(None, description="its key, if it wants one")
    openai_model: str | None = Field(None, description="the name of a model it has")
    anthropic_base_url: str = Field("https://api.anthropic.com", description="the URL of Anthropic's API")
    anthropic_api_key: SecretStr | None = Field(None, description="the key of Anthropic's API")
    anthropic_model: str = Field("claude-haiku-4-5", min_length=1, description="the name of a Claude model")

    @field_validator("diagnosis_providers", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("diagnosis_prices", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError("it is no JSON") from error

    @property
    def models(self) -> tuple[ProviderName, ...]:
        """The providers before the offline analyst."""
        return tuple(name for name in self.diagnosis_providers if name != "offline")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        names = self.diagnosis_providers
        if len(set(names)) != len(names) or "offline" in names[:-1]:
            raise ValueError(
                f"DIAGNOSIS_PROVIDERS ({','.join(names)}) must name each provider once, with offline last."
            )
        # What belongs to a provider that is not asked is often set for other programs, and is left alone.
        for provider, name, value in (
            ("ollama", "OLLAMA_BASE_URL", self.ollama_base_url),
            ("openai", "OPENAI_BASE_URL", self.openai_base_url),
            ("claude", "ANTHROPIC_BASE_URL", self.anthropic_base_url),
        ):
            if provider in names:
                _check_url(name, value)
        if "openai" in names and self.openai_model is None:
            raise ValueError("DIAGNOSIS_PROVIDERS names openai: set OPENAI_MODEL to a model it has.")
        if "claude" in names and self.anthropic_api_key is None:
            raise ValueError("DIAGNOSIS_PROVIDERS names claude: set ANTHROPIC_API_KEY to its key.")
        return self


def load_llm_settings() -> LlmSettings:
    """The settings from the environment. Raises SettingsError with a sentence for each fault."""
    return read_settings(LlmSettings, _PREFIX, "responder")


def check_together(settings: ResponderSettings, llm: LlmSettings) -> None:
    """Raises SettingsError where the responder's settings want models and there are none."""
    if settings.council_model_members and not llm.models:
        raise SettingsError(
            [
                f"{variable('council_model_members')} names members that models answer for, and there are no "
                "models: name some in DIAGNOSIS_PROVIDERS, or unset it."
            ]
        )


def _check_url(variable: str, value: str) -> None:
    try:
        TypeAdapter(HttpUrlText).validate_python(value)
    except ValidationError as error:
        reason = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        advice = _advice(variable.lower())
        raise ValueError(f"{variable} cannot be used ({reason}): set it to {advice}.") from error


def _advice(field: str) -> str | None:
    return LlmSettings.model_fields[field].description
