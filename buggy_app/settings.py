"""All that can be set, read from `BUGGY_APP_*` environment variables and validated at start."""

import difflib
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "BUGGY_APP_"


class SettingsError(ValueError):
    """The environment does not make valid settings; the message says which variable and what to change."""


class Settings(BaseSettings):
    """Settings shared by all programs of the app. Sizes in bytes, rates per second."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    state_dir: Path = Path(".buggy-app")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    operations_port: int = Field(default=8013, ge=1, le=65535)
    dependency_host: str = "127.0.0.1"
    dependency_primary_port: int = Field(default=8011, ge=1, le=65535)
    dependency_secondary_port: int = Field(default=8012, ge=1, le=65535)
    memory_limit_bytes: int = Field(default=450_000_000, ge=50_000_000)
    disk_budget_bytes: int = Field(default=64 * 2**20, ge=2**20)
    traffic_rate: float = Field(default=20.0, gt=0, le=500)
    traffic_concurrency: int = Field(default=32, ge=1, le=512)

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # the sources left out come by name
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - as pydantic-settings calls it
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the constructor only: `load_settings` hands in the environment."""
        return (init_settings,)

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        ports = (self.port, self.dependency_primary_port, self.dependency_secondary_port)
        if len(set(ports)) != len(ports):
            raise ValueError("port, dependency_primary_port and dependency_secondary_port must all differ")
        return self


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises `SettingsError` for a bad value or a `BUGGY_APP_` name that is not known."""
    known = {PREFIX + field.upper(): field for field in Settings.model_fields}
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    try:
        return Settings.model_validate({known[name]: value for name, value in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = PREFIX + str(first["loc"][0]).upper() if first["loc"] else f"{PREFIX}*"
        raise SettingsError(f"{where}: {first['msg']}") from error
