"""What can be set about the local stack. Only this module and the command line read the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from aegisops.errors import StackError


@dataclass(frozen=True, slots=True)
class NamedPort:
    """A port of the stack: who listens on it, and the variable that moves it."""

    owner: str
    variable: str
    port: int


class StackSettings(BaseSettings):
    """Ports and places of the local stack; each field names its variable. All addresses are loopback."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    state_dir: Path = Field(default=Path(".aegisops"), validation_alias=AliasChoices("AEGISOPS_STATE_DIR"))
    app_port: int = Field(default=8000, ge=1, le=65535, validation_alias=AliasChoices("BUGGY_APP_PORT"))
    dependency_primary_port: int = Field(
        default=8011, ge=1, le=65535, validation_alias=AliasChoices("BUGGY_APP_DEPENDENCY_PRIMARY_PORT")
    )
    dependency_secondary_port: int = Field(
        default=8012, ge=1, le=65535, validation_alias=AliasChoices("BUGGY_APP_DEPENDENCY_SECONDARY_PORT")
    )
    otlp_port: int = Field(
        default=4317, ge=1, le=65535, validation_alias=AliasChoices("AEGISOPS_DETECTOR_OTLP_PORT")
    )
    detector_port: int = Field(
        default=8002, ge=1, le=65535, validation_alias=AliasChoices("AEGISOPS_DETECTOR_HTTP_PORT")
    )
    responder_port: int = Field(
        default=8001, ge=1, le=65535, validation_alias=AliasChoices("AEGISOPS_RESPONDER_PORT")
    )

    token: SecretStr | None = Field(default=None, validation_alias=AliasChoices("AEGISOPS_TOKEN"))

    @property
    def authorization(self) -> dict[str, str]:
        """The header that shows the responder our token; none where there is no token."""
        token = "" if self.token is None else self.token.get_secret_value()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def ports(self) -> tuple[NamedPort, ...]:
        """Every port the stack listens on."""
        return (
            NamedPort("buggy_app", "BUGGY_APP_PORT", self.app_port),
            NamedPort(
                "dependency, first endpoint",
                "BUGGY_APP_DEPENDENCY_PRIMARY_PORT",
                self.dependency_primary_port,
            ),
            NamedPort(
                "dependency, second endpoint",
                "BUGGY_APP_DEPENDENCY_SECONDARY_PORT",
                self.dependency_secondary_port,
            ),
            NamedPort("detector, OTLP", "AEGISOPS_DETECTOR_OTLP_PORT", self.otlp_port),
            NamedPort("detector, queries", "AEGISOPS_DETECTOR_HTTP_PORT", self.detector_port),
            NamedPort("responder", "AEGISOPS_RESPONDER_PORT", self.responder_port),
        )

    @property
    def app_url(self) -> str:
        """Address of the buggy app."""
        return f"http://127.0.0.1:{self.app_port}"

    @property
    def detector_url(self) -> str:
        """Address of the detector's query interface."""
        return f"http://127.0.0.1:{self.detector_port}"

    @property
    def responder_url(self) -> str:
        """Address of the responder's REST."""
        return f"http://127.0.0.1:{self.responder_port}"

    @property
    def otlp_endpoint(self) -> str:
        """Where services export their telemetry."""
        return f"http://127.0.0.1:{self.otlp_port}"


def load_settings() -> StackSettings:
    """The settings from the environment; raises `StackError` that names the variable and what to set."""
    try:
        settings = StackSettings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise StackError(f"{name}={first['input']!r} cannot be used: {first['msg']}") from None
    taken: dict[int, NamedPort] = {}
    for named in settings.ports():
        other = taken.setdefault(named.port, named)
        if other is not named:
            raise StackError(
                f"{other.variable} and {named.variable} are both {named.port}: give each a port of its own"
            )
    return settings


def inherited_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment the stack's processes start with: ours without what would name one service only."""
    source = os.environ if environ is None else environ
    one_service_only = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"}
    return {name: value for name, value in source.items() if name not in one_service_only}
