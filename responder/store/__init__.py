"""Store: incidents, timeline, decisions, actions and the runbook in one SQL database."""

from dataclasses import dataclass
from typing import Self

from responder.store.database import Database, StoreUnusableError
from responder.store.incidents import Alert, IncidentPage, IncidentRow, Incidents, Receipt
from responder.store.journal import ActionStep, Journal, StepRef
from responder.store.records import Records
from responder.store.runbook import RunbookEntries
from responder.store.timeline import Move, StoredEvent, Timeline

__all__ = [
    "ActionStep",
    "Alert",
    "Database",
    "IncidentPage",
    "IncidentRow",
    "Incidents",
    "Journal",
    "Move",
    "Receipt",
    "Records",
    "RunbookEntries",
    "StepRef",
    "Store",
    "StoreUnusableError",
    "StoredEvent",
    "Timeline",
]


@dataclass(frozen=True, slots=True)
class Store:
    """All parts of the store over one database."""

    database: Database
    incidents: Incidents
    timeline: Timeline
    journal: Journal
    records: Records
    runbook: RunbookEntries

    @classmethod
    def over(cls, database: Database) -> Self:
        """The store in a database that is open."""
        return cls(
            database=database,
            incidents=Incidents(database),
            timeline=Timeline(database),
            journal=Journal(database),
            records=Records(database),
            runbook=RunbookEntries(database),
        )
