"""What the API needs of the rest of the responder."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from opentelemetry.sdk.trace.id_generator import IdGenerator

from responder.learn import RunbookEntry
from responder.store import Store


class Workflows(Protocol):
    """Has incidents worked on."""

    @property
    def launched(self) -> bool:
        """Workflows run."""
        ...

    def start(self, incident_id: str) -> None:
        """Have the incident worked on; does nothing when it is already, or was."""
        ...


class RunbookExport(Protocol):
    """What the runbook shows of itself."""

    def export(self) -> list[RunbookEntry]:
        """All entries, the surest first."""
        ...


@dataclass(frozen=True, slots=True)
class ApiParts:
    """`clock` gives seconds since the epoch, `ids` makes trace identifiers; `closing` ends event streams."""

    store: Store
    workflows: Workflows
    runbook: RunbookExport
    clock: Callable[[], float]
    ids: IdGenerator
    closing: threading.Event = field(default_factory=threading.Event)
