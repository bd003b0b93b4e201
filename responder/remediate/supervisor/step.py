"""What a step of the catalogue may ask of supervisord."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from responder.remediate.declaration import Declared, Seconds, is_unix_socket
from responder.remediate.replicas import FewerReplicas, MoreReplicas, Replicas

_PROGRAM = re.compile(r"[^:*\s]+(?::(?:\*|[^:*\s]+))?")
_GROUP = re.compile(r"[^:*\s]+")


class SupervisorConnection(Declared):
    """Where supervisord listens."""

    url: str = Field(max_length=1024)

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if is_unix_socket(url):
            return url
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("write unix:///absolute/path.sock or http://host:port")
        return url


class _Timed(Declared):
    """`timeout_s`: for the whole step. `kill_after_s`: how long a process may take to stop before SIGKILL."""

    timeout_s: Seconds = 30.0
    kill_after_s: Seconds = 5.0


class _OnProgram(_Timed):
    """`program`: `name`, `group:name` or `group:*`."""

    program: str = Field(max_length=255)

    @field_validator("program")
    @classmethod
    def _well_formed(cls, program: str) -> str:
        if not _PROGRAM.fullmatch(program):
            raise ValueError('write "name", "group:name" or "group:*"')
        return program


class _OnGroup(_Timed):
    """`group`: supervisord's group whose programs are replicas of one service."""

    group: str = Field(max_length=255)

    @field_validator("group")
    @classmethod
    def _well_formed(cls, group: str) -> str:
        if not _GROUP.fullmatch(group):
            raise ValueError("write the group's name alone, without ':' or '*'")
        return group


class Restart(_OnProgram):
    """Restart the processes that are wanted, `at_once` at a time; the first failure leaves the rest alone."""

    operation: Literal["restart"]
    at_once: Replicas = 1

    def touches(self) -> int | None:
        """As many as are down together."""
        return self.at_once if self.program.endswith(":*") else 1


class Start(_OnProgram):
    """Start what does not run."""

    operation: Literal["start"]

    def touches(self) -> int | None:
        """None that runs."""
        return 0


class Stop(_OnProgram):
    """Stop what runs."""

    operation: Literal["stop"]

    def touches(self) -> int | None:
        """One, or all of a group, however many that is."""
        return None if self.program.endswith(":*") else 1


class ScaleUp(_OnGroup, MoreReplicas):
    """Start the next `by` stopped programs of the group, up to `max_replicas` in all."""

    by: Replicas = 2


class ScaleDown(_OnGroup, FewerReplicas):
    """Stop the `by` programs of the group started last, down to `min_replicas`."""


Operation = Restart | Start | Stop | ScaleUp | ScaleDown
SupervisorStep = Annotated[Operation, Field(discriminator="operation")]
