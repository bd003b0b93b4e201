"""What a step of the catalogue may ask of a Docker engine."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import ByteSize, Field, field_validator, model_validator

from responder.remediate.declaration import Declared, Seconds, is_unix_socket
from responder.remediate.replicas import FewerReplicas, MoreReplicas, Replicas

_MIB = 1024 * 1024
_Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", max_length=255)]


class DockerConnection(Declared):
    """Where the engine, or the socket proxy before it, listens."""

    url: str = Field(max_length=1024)

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if is_unix_socket(url):
            return url
        parts = urlsplit(url)
        if parts.scheme != "tcp" or not parts.hostname or not parts.port or parts.username:
            raise ValueError("write unix:///absolute/path.sock or tcp://host:port")
        return url


class _Timed(Declared):
    """`timeout_s`: for the whole step. `kill_after_s`: how long a container may take to stop before SIGKILL.
    `up_for_s`: how long one without a health check must run before it counts as up."""

    timeout_s: Seconds = 60.0
    kill_after_s: Annotated[int, Field(ge=0, le=600)] = 5
    up_for_s: Annotated[float, Field(ge=0, le=60)] = 1.0


class _OnService(_Timed):
    """`project`, `service`: as Compose labels its containers."""

    project: _Name
    service: _Name


class _OnContainers(_Timed):
    """The containers of a Compose service, or else one `container` by its name."""

    project: _Name | None = None
    service: _Name | None = None
    container: _Name | None = None

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        if (self.project is None) != (self.service is None) or (self.service is None) == (
            self.container is None
        ):
            raise ValueError("name a Compose 'project' and 'service', or else one 'container'")
        return self


class Restart(_OnContainers):
    """Restart what is wanted, `at_once` at a time; the first that does not come up leaves the rest alone."""

    operation: Literal["restart"]
    at_once: Replicas = 1

    def touches(self) -> int | None:
        """As many as are down together."""
        return 1 if self.container else self.at_once


class ScaleUp(_OnService, MoreReplicas):
    """Start `by` more replicas, made like one that is there, up to `max_replicas` in all."""


class ScaleDown(_OnService, FewerReplicas):
    """Remove `by` of the replicas `ScaleUp` made, the last started first, down to `min_replicas` in all."""


class RaiseMemoryLimit(_OnContainers):
    """Raise each memory limit by `factor`, never above `max_bytes`; start what died of the old one."""

    operation: Literal["raise_memory_limit"]
    factor: float = Field(default=1.5, gt=1, le=10)
    max_bytes: Annotated[ByteSize, Field(ge=6 * _MIB, le=1 << 50)]

    def touches(self) -> int | None:
        """None that runs: a limit is raised while it does."""
        return 0


Operation = Restart | ScaleUp | ScaleDown | RaiseMemoryLimit
DockerStep = Annotated[Operation, Field(discriminator="operation")]
