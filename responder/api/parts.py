"""What the API needs of the rest of the responder."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from sqlalchemy import Connection

from detector.hosting import Exposition
from responder.api.alert_metrics import AlertMetrics
from responder.approval import ApprovalLinks, Approvals
from responder.audit import AuditTrail
from responder.incident_record import IncidentRecord
from responder.learn import ExchangedRunbook, Feedback, ImportResult, Lesson, RunbookEntry
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


class LearnedRunbook(Protocol):
    """What the runbook shows of itself, and what it can be told. `also` is called with the transaction that
    keeps it, if anything changes."""

    def export(self) -> list[RunbookEntry]:
        """All entries, the surest first."""
        ...

    def take_feedback(
        self, record: IncidentRecord, feedback: Feedback, also: Callable[[Connection], object] | None = None
    ) -> Lesson:
        """A human's word on an ended incident; what the incident teaches now."""
        ...

    def take_in(
        self, runbook: ExchangedRunbook, also: Callable[[Connection], object] | None = None
    ) -> ImportResult:
        """Take in what another runbook tells."""
        ...


@dataclass(frozen=True, slots=True)
class ApiParts:
    """`clock` gives seconds since the epoch, `ids` makes trace identifiers; `closing` ends event
    streams; `links` signs, None where there is no secret; `warnings` are of what works only in part.
    `alerts` counts; `exposition` has the responder's own metrics."""

    store: Store
    workflows: Workflows
    runbook: LearnedRunbook
    clock: Callable[[], float]
    ids: IdGenerator
    closing: threading.Event = field(default_factory=threading.Event)
    links: ApprovalLinks | None = None
    warnings: Callable[[], list[str]] = list
    alerts: AlertMetrics = field(default_factory=lambda: AlertMetrics(NoOpMeterProvider()))
    exposition: Exposition = field(default_factory=Exposition)

    @property
    def approvals(self) -> Approvals:
        """What waits for humans."""
        return Approvals(self.store.database)

    @property
    def trail(self) -> AuditTrail:
        """The audit trail."""
        return AuditTrail(self.store.database, self.clock)
