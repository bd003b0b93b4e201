"""What the API needs of the rest of the responder."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from opentelemetry.sdk.trace.id_generator import IdGenerator

from responder.approval import ApprovalLinks, Approvals
from responder.audit import AuditTrail
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
    """`clock` gives seconds since the epoch, `ids` makes trace identifiers; `closing` ends event
    streams; `links` signs, None where there is no secret; `warnings` are of what works only in part."""

    store: Store
    workflows: Workflows
    runbook: RunbookExport
    clock: Callable[[], float]
    ids: IdGenerator
    closing: threading.Event = field(default_factory=threading.Event)
    links: ApprovalLinks | None = None
    warnings: Callable[[], list[str]] = list

    @property
    def approvals(self) -> Approvals:
        """What waits for humans."""
        return Approvals(self.store.database)

    @property
    def trail(self) -> AuditTrail:
        """The audit trail."""
        return AuditTrail(self.store.database, self.clock)
