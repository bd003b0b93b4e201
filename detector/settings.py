"""All that can be set of the detector, read from `AEGISOPS_DETECTOR_*` and validated at start.

The standard `OTEL_*` variables, which say where the detector's own telemetry goes, are left to the
OpenTelemetry SDK.
"""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from detector.correlate.engine_config import EngineConfig
from detector.hosting import read_settings
from detector.receive import BearerTokens, CredentialsError, TlsFiles

PREFIX = "AEGISOPS_DETECTOR_"


def _http_url(value: str) -> str:
    url = TypeAdapter(HttpUrl).validate_python(value)
    if url.query or url.fragment:
        raise ValueError("it must end with its path")
    return value


def _tokens_file(path: Path) -> Path:
    BearerTokens.load(path)
    return path


Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


_JUDGEMENT = EngineConfig()


class DetectorSettings(BaseSettings):
    """Each description completes the sentence "set it to …"; the defaults need no environment at all."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", min_length=1, description="the address to listen on")
    otlp_port: Port = Field(4317, description="the port for OTLP over gRPC, 0 to 65535 (0: any free one)")
    otlp_http_port: Port = Field(
        4318, description="the port for OTLP over HTTP, 0 to 65535 (0: any free one)"
    )
    otlp_token_file: Annotated[Path, AfterValidator(_tokens_file)] | None = Field(
        None, description="a file with a token a line that senders of telemetry must show, or leave it out"
    )
    otlp_tls_cert_file: Path | None = Field(
        None, description="the certificate that OTLP is served with, a PEM file, or leave it out"
    )
    otlp_tls_key_file: Path | None = Field(
        None, description="the key of that certificate, a PEM file, or leave it out"
    )
    http_port: Port = Field(8002, description="the port of the query interface, 0 to 65535 (0: any free one)")
    report_url: Annotated[str, AfterValidator(_http_url)] | None = Field(
        None,
        description="an http or https URL that takes incidents by POST, or leave it out to only serve them",
    )
    report_token: Annotated[SecretStr, Field(min_length=1, max_length=1_000)] | None = Field(
        None, description="the token that the listener at the report URL asks for, or leave it out"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR: what is logged from there up"
    )
    intake_max_requests: int = Field(
        256, ge=1, le=1000, description="how many requests may wait to be judged, 1 to 1000"
    )
    intake_max_bytes: int = Field(
        64 * 2**20,
        ge=2**20,
        le=2**36,
        description="how many bytes of requests may wait to be judged, from 1048576",
    )
    max_message_bytes: int = Field(
        16 * 2**20,
        ge=2**10,
        le=2**30,
        description="the largest request accepted in bytes, 1024 to 1073741824",
    )
    max_series: int = Field(
        1_000_000, ge=1, le=100_000_000, description="how many series are kept, 1 to 100000000"
    )
    max_instances: int = Field(
        100_000, ge=1, le=10_000_000, description="how many instances of services are kept, 1 to 10000000"
    )
    ignored_services: Annotated[tuple[str, ...], NoDecode] = Field(
        ("aegisops-detector", "aegisops-responder"),
        description="names of services that are not judged, separated by commas",
    )
    window_s: Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False)] = Field(
        1.0, description="over how many seconds spans and logs are counted at least, 0.1 to 3600"
    )
    warm_up_samples: int = Field(
        _JUDGEMENT.warm_up, ge=2, le=100_000, description="after how many samples a series is judged, from 2"
    )
    bar: float = Field(
        _JUDGEMENT.bar,
        gt=0,
        le=100,
        description="from how many standard deviations a sample may be anomalous, above 0 up to 100",
    )
    opening_probability: float = Field(
        _JUDGEMENT.opening,
        gt=0,
        lt=1,
        description="from which probability of a fault an incident opens, between 0 and 1",
    )
    closing_s: Seconds = Field(
        _JUDGEMENT.closing_s, description="for how many seconds all must be normal before an incident closes"
    )
    accept_after_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        _JUDGEMENT.accept_after_s,
        description="after how many seconds without news an incident's level is taken as the new normal",
    )
    history: int = Field(
        _JUDGEMENT.history, ge=1, le=100_000, description="how many incidents are kept, 1 to 100000"
    )
    silent_intervals: float = Field(
        _JUDGEMENT.lifecycle.silent_intervals,
        ge=1,
        le=1000,
        description="after how many of its usual export intervals a service counts as silent, 1 to 1000",
    )
    silent_min_s: Seconds = Field(
        _JUDGEMENT.lifecycle.silent_min_s,
        description="after how many seconds a service counts as silent at the soonest",
    )
    known_for_s: Seconds = Field(
        _JUDGEMENT.lifecycle.known_for_s,
        description="for how many seconds a service must have been heard before its silence counts",
    )
    question_timeout_s: Seconds = Field(
        5.0, description="how many seconds a call of the query interface may wait for its answer"
    )
    stop_grace_s: Seconds = Field(
        5.0, description="how many seconds each of receiving, judging and reporting may take to finish"
    )

    @field_validator("ignored_services", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for one, other in combinations(("otlp_port", "otlp_http_port", "http_port"), 2):
            if getattr(self, one) == getattr(self, other) != 0:
                raise ValueError(
                    f"{variable(one)} and {variable(other)} are both {getattr(self, one)}: "
                    "set one of them to another port."
                )
        if self.max_message_bytes > self.intake_max_bytes:
            raise ValueError(
                f"{variable('max_message_bytes')} ({self.max_message_bytes}) is more than may wait: "
                f"set it to {self.intake_max_bytes} or less, or raise {variable('intake_max_bytes')}."
            )
        self._check_tls()
        return self

    def _check_tls(self) -> None:
        if (self.otlp_tls_cert_file is None) != (self.otlp_tls_key_file is None):
            raise ValueError(
                f"{variable('otlp_tls_cert_file')} and {variable('otlp_tls_key_file')} belong together: "
                "set both, or neither."
            )
        if (tls := self.tls_files()) is not None:
            try:
                tls.check()
            except CredentialsError as error:
                raise ValueError(
                    f"{variable('otlp_tls_cert_file')} or {variable('otlp_tls_key_file')} cannot be used "
                    f"({error}): set them to a certificate and its key, or leave both out."
                ) from error

    def tls_files(self) -> TlsFiles | None:
        """What OTLP is served with over TLS; None: in the clear."""
        if self.otlp_tls_cert_file is None or self.otlp_tls_key_file is None:
            return None
        return TlsFiles(self.otlp_tls_cert_file, self.otlp_tls_key_file)

    def engine_config(self) -> EngineConfig:
        """How the engine is to judge."""
        return replace(
            _JUDGEMENT,
            warm_up=self.warm_up_samples,
            bar=self.bar,
            opening=self.opening_probability,
            closing_s=self.closing_s,
            accept_after_s=self.accept_after_s,
            history=self.history,
            lifecycle=replace(
                _JUDGEMENT.lifecycle,
                silent_intervals=self.silent_intervals,
                silent_min_s=self.silent_min_s,
                known_for_s=self.known_for_s,
            ),
        )


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load_settings() -> DetectorSettings:
    """The settings from the environment. Raises SettingsError with a sentence for each fault."""
    return read_settings(DetectorSettings, PREFIX, "detector")
