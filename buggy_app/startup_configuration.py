"""The configuration a replica starts with: what a deploy puts in place, kept apart from the environment.

The active one is what the next start reads; the last known good one is the newest that a replica has
really served with. A running replica that sees the active one change leaves, to be started with it.
"""

import json
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from buggy_app.state_directory import StateDirectory, read_bytes, replace_file

MAX_BYTES = 64 * 1024


class StartupConfiguration(BaseModel):
    """What a release sets. Times in seconds; `rollout_s`: replicas reload spread over that long."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    release: str = Field(default="1.0.0", pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", max_length=32)
    pool_size: int = Field(default=5, ge=1, le=100)
    pool_timeout_s: float = Field(default=1.0, gt=0, le=60)
    dependency_timeout_s: float = Field(default=4.0, gt=0, le=60)
    quote_workers: int = Field(default=2, ge=1, le=32)
    rollout_s: float = Field(default=0.0, ge=0, le=3600)


class StartupConfigurationError(ValueError):
    """The active configuration is not valid; the message names file, field and reason."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration and the bytes it was read from."""

    configuration: StartupConfiguration
    content: bytes


class ConfigurationStore:
    """The active and the last known good configuration in the state directory."""

    def __init__(self, state: StateDirectory) -> None:
        self.active = state.configuration / "active.json"
        self.last_known_good = state.configuration / "last-known-good.json"

    def load(self) -> Loaded:
        """Read the active configuration, the defaults when there is none yet.

        Raises `StartupConfigurationError`.
        """
        content = read_bytes(self.active)
        if content is None:
            content = StartupConfiguration().model_dump_json(indent=2).encode()
            replace_file(self.active, content)
        return Loaded(parse(content, str(self.active)), content)

    def changed_from(self, content: bytes) -> bool:
        """Is there an active configuration other than `content`?"""
        now = read_bytes(self.active)
        return now is not None and now != content

    def release(self) -> str:
        """The release the active configuration names, valid or not; empty when it cannot be told."""
        value = self._lenient("release")
        return value[:32] if isinstance(value, str) else ""

    def rollout_s(self) -> float:
        """Seconds over which the active configuration, valid or not, wants replicas to reload."""
        value = self._lenient("rollout_s")
        return min(max(float(value), 0.0), 3600.0) if isinstance(value, int | float) else 0.0

    def is_valid(self) -> bool:
        """Would a start succeed with the active configuration?"""
        content = read_bytes(self.active)
        try:
            return content is None or bool(parse(content, str(self.active)))
        except StartupConfigurationError:
            return False

    def deploy(self, content: bytes) -> None:
        """Put `content` in place as it is, unchecked, keeping what is valid now as the last known good."""
        if self.is_valid():
            self.remember_good(self.load().content)
        replace_file(self.active, content)

    def remember_good(self, content: bytes) -> None:
        """Keep `content` as the last known good configuration."""
        if read_bytes(self.last_known_good) != content:
            replace_file(self.last_known_good, content)

    def roll_back(self) -> bool:
        """Make the last known good configuration the active one; False when it already was.

        Raises `StartupConfigurationError` when there is none that is valid.
        """
        good = read_bytes(self.last_known_good)
        if good is None:
            if self.is_valid():
                return False
            raise StartupConfigurationError(f"there is no {self.last_known_good} to go back to")
        parse(good, str(self.last_known_good))
        if read_bytes(self.active) == good:
            return False
        replace_file(self.active, good)
        return True

    def _lenient(self, field: str) -> object:
        try:
            document = json.loads(read_bytes(self.active) or b"{}")
        except ValueError:
            return None
        return document.get(field) if isinstance(document, dict) else None


def parse(content: bytes, source: str) -> StartupConfiguration:
    """Validate a configuration; raises `StartupConfigurationError` that names `source`, field and reason."""
    if len(content) > MAX_BYTES:
        raise StartupConfigurationError(f"{source}: larger than {MAX_BYTES} bytes")
    try:
        return StartupConfiguration.model_validate_json(content)
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'document'}: {item['msg']}"
            for item in error.errors(include_url=False)[:3]
        )
        raise StartupConfigurationError(f"{source}: {reasons}") from error
