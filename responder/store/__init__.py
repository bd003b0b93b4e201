"""Store: incidents, timeline, decisions, actions and the runbook in one SQL database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from responder.incident_record import PipelineState
from responder.store.alert import Alert, alert_digest
from responder.store.alerts import Alerts
from responder.store.database import Database
from responder.store.incidents import IncidentPage, IncidentRow, Incidents, Receipt
from responder.store.journal import ActionStep, Journal, StepRef
from responder.store.lease import Lease, Standing, TakenOverError
from responder.store.notifications import LONGEST_PAUSE_S, Delivery, Notification, Notifications
from responder.store.outage import Outage, StoreUnavailableError, StoreUnusableError
from responder.store.records import Records
from responder.store.runbook import RunbookEntries
from responder.store.tallies import Tallies
from responder.store.timeline import Move, StoredEvent, Timeline
from responder.store.webhook_calls import ReplayedError, WebhookCall

__all__ = [
    "LONGEST_PAUSE_S",
    "ActionStep",
    "Alert",
    "Alerts",
    "Database",
    "Delivery",
    "IncidentPage",
    "IncidentRow",
    "Incidents",
    "Journal",
    "Lease",
    "Move",
    "Notification",
    "Notifications",
    "Outage",
    "Receipt",
    "Records",
    "ReplayedError",
    "RunbookEntries",
    "Standing",
    "StepRef",
    "Store",
    "StoreUnavailableError",
    "StoreUnusableError",
    "StoredEvent",
    "TakenOverError",
    "Tallies",
    "Timeline",
    "WebhookCall",
    "alert_digest",
]


@dataclass(frozen=True, slots=True)
class Store:
    """All parts of the store over one database."""

    database: Database
    incidents: Incidents
    alerts: Alerts
    timeline: Timeline
    journal: Journal
    records: Records
    runbook: RunbookEntries
    notifications: Notifications

    @classmethod
    def over(
        cls, database: Database, told: Mapping[PipelineState, Sequence[str]] = MappingProxyType({})
    ) -> Self:
        """The store in a database that is open. `told`: which channels tell of which state."""
        return cls(
            database=database,
            incidents=Incidents(database),
            alerts=Alerts(database),
            timeline=Timeline(database, told),
            journal=Journal(database),
            records=Records(database),
            runbook=RunbookEntries(database),
            notifications=Notifications(database),
        )
