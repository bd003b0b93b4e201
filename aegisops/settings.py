"""What can be set about the local stack. Only this module and the command line read the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from aegisops.collector import Collector, find_collector
from aegisops.errors import StackError

Port = Annotated[int, Field(ge=1, le=65535)]

OTLP_PORT, OTLP_PORT_BEHIND_COLLECTOR = 4317, 4327
OTLP_HTTP_PORT, OTLP_HTTP_PORT_BEHIND_COLLECTOR = 4318, 4328
"""Where the detector takes OTLP unless told otherwise: a Collector has the standard ports for itself."""


@dataclass(frozen=True, slots=True)
class NamedPort:
    """A port of the stack: who listens on it, and the variable that moves it."""

    owner: str
    variable: str
    port: int


class StackSettings(BaseSettings):
    """Ports and places of the local stack; each field names its variable. All addresses are loopback."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, populate_by_name=True, env_ignore_empty=True
    )

    state_dir: Path = Field(default=Path(".aegisops"), validation_alias=AliasChoices("AEGISOPS_STATE_DIR"))
    app_port: Port = Field(default=8000, validation_alias=AliasChoices("BUGGY_APP_PORT"))
    dependency_primary_port: Port = Field(
        default=8011, validation_alias=AliasChoices("BUGGY_APP_DEPENDENCY_PRIMARY_PORT")
    )
    dependency_secondary_port: Port = Field(
        default=8012, validation_alias=AliasChoices("BUGGY_APP_DEPENDENCY_SECONDARY_PORT")
    )
    otlp_port: Port | None = Field(default=None, validation_alias=AliasChoices("AEGISOPS_DETECTOR_OTLP_PORT"))
    otlp_http_port: Port | None = Field(
        default=None, validation_alias=AliasChoices("AEGISOPS_DETECTOR_OTLP_HTTP_PORT")
    )
    detector_port: Port = Field(default=8002, validation_alias=AliasChoices("AEGISOPS_DETECTOR_HTTP_PORT"))
    responder_port: Port = Field(default=8001, validation_alias=AliasChoices("AEGISOPS_RESPONDER_PORT"))
    collector_binary: Literal["off"] | Path | None = Field(
        default=None, validation_alias=AliasChoices("AEGISOPS_COLLECTOR_BINARY")
    )
    collector_otlp_port: Port = Field(
        default=OTLP_PORT, validation_alias=AliasChoices("AEGISOPS_COLLECTOR_OTLP_PORT")
    )
    collector_otlp_http_port: Port = Field(
        default=OTLP_HTTP_PORT, validation_alias=AliasChoices("AEGISOPS_COLLECTOR_OTLP_HTTP_PORT")
    )
    collector_health_port: Port = Field(
        default=13133, validation_alias=AliasChoices("AEGISOPS_COLLECTOR_HEALTH_PORT")
    )
    collector_prometheus_port: Port = Field(
        default=8889, validation_alias=AliasChoices("AEGISOPS_COLLECTOR_PROMETHEUS_PORT")
    )
    collector_metrics_port: Port = Field(
        default=8888, validation_alias=AliasChoices("AEGISOPS_COLLECTOR_METRICS_PORT")
    )
    own_telemetry_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT")
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
            NamedPort("detector, OTLP", "AEGISOPS_DETECTOR_OTLP_PORT", self.detector_otlp_port),
            NamedPort(
                "detector, OTLP HTTP", "AEGISOPS_DETECTOR_OTLP_HTTP_PORT", self.detector_otlp_http_port
            ),
            NamedPort("detector, queries", "AEGISOPS_DETECTOR_HTTP_PORT", self.detector_port),
            NamedPort("responder", "AEGISOPS_RESPONDER_PORT", self.responder_port),
            *(() if self.collector is None else self._collector_ports()),
        )

    def _collector_ports(self) -> tuple[NamedPort, ...]:
        return (
            NamedPort("Collector, OTLP gRPC", "AEGISOPS_COLLECTOR_OTLP_PORT", self.collector_otlp_port),
            NamedPort(
                "Collector, OTLP HTTP", "AEGISOPS_COLLECTOR_OTLP_HTTP_PORT", self.collector_otlp_http_port
            ),
            NamedPort("Collector, health", "AEGISOPS_COLLECTOR_HEALTH_PORT", self.collector_health_port),
            NamedPort(
                "Collector, for Prometheus",
                "AEGISOPS_COLLECTOR_PROMETHEUS_PORT",
                self.collector_prometheus_port,
            ),
            NamedPort(
                "Collector, its own metrics", "AEGISOPS_COLLECTOR_METRICS_PORT", self.collector_metrics_port
            ),
        )

    @cached_property
    def collector(self) -> Collector | None:
        """The Collector that runs between applications and detector; None: they export straight to it."""
        return None if self.collector_binary == "off" else find_collector(self.collector_binary)

    @property
    def detector_otlp_port(self) -> int:
        """Where the detector takes OTLP over gRPC."""
        if self.otlp_port is not None:
            return self.otlp_port
        return OTLP_PORT if self.collector is None else OTLP_PORT_BEHIND_COLLECTOR

    @property
    def detector_otlp_http_port(self) -> int:
        """Where the detector takes OTLP over HTTP."""
        if self.otlp_http_port is not None:
            return self.otlp_http_port
        return OTLP_HTTP_PORT if self.collector is None else OTLP_HTTP_PORT_BEHIND_COLLECTOR

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
        """Where services export their telemetry, over gRPC."""
        port = self.detector_otlp_port if self.collector is None else self.collector_otlp_port
        return f"http://127.0.0.1:{port}"

    @property
    def otlp_http_endpoint(self) -> str:
        """The same over HTTP."""
        port = self.detector_otlp_http_port if self.collector is None else self.collector_otlp_http_port
        return f"http://127.0.0.1:{port}"


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
