"""All that can be set of the responder, read from `AEGISOPS_RESPONDER_*` and validated at start.

The standard `OTEL_*` variables, which say where the responder's own telemetry goes, are left to the
OpenTelemetry SDK.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from detector.hosting import read_settings
from responder.access import parse_rate, parse_secrets
from responder.access.access import DEFAULT_RATE
from responder.alerts import DEFAULT_SERVICE_LABELS
from responder.incident_record import ActionKind, MemberRole
from responder.loopback import is_loopback

PREFIX = "AEGISOPS_RESPONDER_"


def _http_url(value: str) -> str:
    url = TypeAdapter(HttpUrl).validate_python(value)
    if url.query or url.fragment:
        raise ValueError("it must end with its path")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    try:
        backend = make_url(value).get_backend_name()
    except ArgumentError as error:
        raise ValueError("it is not a database URL") from error
    if backend not in ("sqlite", "postgresql"):
        raise ValueError(f"{backend} is not supported")
    if backend == "sqlite" and not make_url(value).database:
        raise ValueError("it names no file, and a database in memory would not outlive the process")
    return value


def _rate(value: str) -> str:
    parse_rate(value)
    return value


def _not_noop(action: ActionKind) -> ActionKind:
    if action is ActionKind.NOOP:
        raise ValueError("NOOP does nothing")
    return action


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
HttpUrlText = Annotated[str, AfterValidator(_http_url)]


class ResponderSettings(BaseSettings):
    """Each description completes the sentence "set it to …"; the defaults need no environment at all."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", min_length=1, description="the address to listen on")
    port: int = Field(8001, ge=0, le=65_535, description="the port of the API, 0 to 65535 (0: any free one)")
    data_dir: Path = Field(
        Path(".aegisops/responder"), description="a directory this user may write; it is made if need be"
    )
    database_url: Annotated[str, AfterValidator(_database_url)] | None = Field(
        None,
        description="a database URL (sqlite:///file or postgresql+psycopg://…), or leave it out to keep "
        f"everything in {PREFIX}DATA_DIR",
    )
    catalogue: Path | None = Field(
        None, description="the YAML file that says what may be done with which service"
    )
    policy: Path | None = Field(
        None, description="the YAML file that says when what may be done, and when a human must agree"
    )
    approval_secret: Annotated[SecretStr, Field(min_length=16, max_length=1_000)] | None = Field(
        None, description="a secret of at least 16 characters that links for approval are signed with"
    )
    public_url: HttpUrlText | None = Field(
        None, description="the http or https URL under which humans reach the API, for links"
    )
    notifications: Path | None = Field(
        None, description="the YAML file that says which channels people are told by, and of what"
    )
    tokens: Path | None = Field(
        None, description="the file of tokens for the API, which `aegisops token new` writes"
    )
    webhook_secrets: Annotated[dict[str, tuple[SecretStr, ...]], NoDecode] = Field(
        {},
        description='JSON such as {"grafana": ["secret"]}: by source what its webhooks are signed with, 1 to '
        "5 secrets of at least 16 characters each",
    )
    webhook_rate: Annotated[str, AfterValidator(_rate)] = Field(
        DEFAULT_RATE, description="how many calls each source of webhooks may make, such as 600/minute"
    )
    service_labels: Annotated[tuple[str, ...], NoDecode, Field(min_length=1, max_length=50)] = Field(
        DEFAULT_SERVICE_LABELS,
        description="the labels of an alert that name its service, separated by commas; the first that is "
        "there counts",
    )
    detector_url: HttpUrlText = Field(
        "http://127.0.0.1:8002", description="the http or https URL of the detector's query interface"
    )
    settle_s: float = Field(
        2.5,
        ge=0,
        le=60,
        allow_inf_nan=False,
        description="how many seconds evidence may gather before the diagnosis, 0 to 60",
    )
    settle_quiet_s: float = Field(
        1.2,
        ge=0,
        le=60,
        allow_inf_nan=False,
        description="how many seconds without news of an incident whose type is sure end the gathering "
        "early, 0 to 60; a little more than the services' export interval",
    )
    max_attempts: int = Field(
        3, ge=1, le=10, description="how many actions are tried in one incident before a human is called"
    )
    council_deadline_s: Seconds = Field(
        10.0, description="how many seconds a council member may take to vote; later counts as a no"
    )
    council_model_members: Annotated[tuple[MemberRole, ...], NoDecode] = Field(
        (),
        description="the members of the council that models answer for, separated by commas: "
        f"{', '.join(MemberRole)}; or all",
    )
    verify_timeout_s: Seconds = Field(
        45.0, description="how many seconds after an action the telemetry may take to become normal"
    )
    verify_stable_s: Seconds = Field(
        4.0, description="for how many seconds the telemetry must stay normal to count as recovered"
    )
    verify_give_up_s: Seconds = Field(
        12.0,
        description="after how many seconds of telemetry as bad as before an action counts as no help, "
        "without waiting for the time-out",
    )
    verify_poll_s: Seconds = Field(
        0.5, description="how many seconds lie between two questions to the detector"
    )
    runbook_half_life_days: float = Field(
        90.0,
        ge=1,
        le=3_650,
        allow_inf_nan=False,
        description="after how many days what was learned weighs half, 1 to 3650",
    )
    max_running: int = Field(
        16, ge=1, le=1_000, description="how many incidents are worked on at once, 1 to 1000"
    )
    stop_grace_s: Seconds = Field(
        10.0, description="how many seconds a running action may take to end when the responder is stopped"
    )
    force_first_action: Annotated[ActionKind, AfterValidator(_not_noop)] | None = Field(
        None,
        description="an action (such as RESTART) that every first attempt proposes, as a drill of what "
        "happens when the first remedy is wrong; leave it out outside of drills",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR: what is logged from there up"
    )

    @field_validator("council_model_members", mode="before")
    @classmethod
    def _roles(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(MemberRole) if value.strip() == "all" else value.split(",")
        return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))

    @field_validator("webhook_secrets", mode="before")
    @classmethod
    def _secrets(cls, value: Any) -> Any:
        return parse_secrets(value) if isinstance(value, str) else value

    @field_validator("service_labels", mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        return (
            tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value
        )

    @model_validator(mode="after")
    def _not_open_to_others(self) -> Self:
        if self.tokens is None and not is_loopback(self.host):
            raise ValueError(
                f"{variable('host')} ({self.host}) can be reached from other machines, and without tokens "
                "everybody there could approve actions and send alerts: make tokens with `aegisops token "
                f"new` and name their file in {variable('tokens')}, or listen on 127.0.0.1."
            )
        return self

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.verify_stable_s >= self.verify_timeout_s:
            raise ValueError(
                f"{variable('verify_stable_s')} ({self.verify_stable_s}) is not less than "
                f"{variable('verify_timeout_s')} ({self.verify_timeout_s}), so nothing could ever be "
                "verified: lower the first or raise the second."
            )
        return self

    @property
    def store_url(self) -> str:
        """Where incidents and workflows are kept."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'responder.db'}"

    @property
    def store_setting(self) -> str:
        """The variable that decides where they are kept, for messages."""
        return variable("database_url" if self.database_url else "data_dir")


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load_settings() -> ResponderSettings:
    """The settings from the environment. Raises SettingsError with a sentence for each fault."""
    return read_settings(ResponderSettings, PREFIX, "responder")
