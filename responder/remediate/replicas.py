"""More replicas of a service, and fewer: what such steps declare, whoever runs the replicas."""

import re
from typing import Annotated, Literal

from pydantic import Field

from responder.remediate.declaration import Declared

Replicas = Annotated[int, Field(ge=1, le=1000)]
"""A number of instances of a service."""


class MoreReplicas(Declared):
    """`by` more, up to `max_replicas` in all."""

    operation: Literal["scale_up"]
    by: Replicas = 1
    max_replicas: Replicas

    def touches(self) -> int | None:
        """None that runs."""
        return 0


class FewerReplicas(Declared):
    """`by` fewer, down to `min_replicas` in all."""

    operation: Literal["scale_down"]
    by: Replicas = 1
    min_replicas: Replicas = 1

    def touches(self) -> int | None:
        """Those that go."""
        return self.by


def replica_count(number: int) -> str:
    """`1 replica`, `3 replicas`."""
    return "1 replica" if number == 1 else f"{number} replicas"


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which `web-2` comes before `web-10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
