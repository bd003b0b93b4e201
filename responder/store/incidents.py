"""Incidents as they come in: new, revised, repeated, or the same fault by another way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, func, insert, select, update

from detector import Evidence, Incident, IncidentState
from responder.incident_record import FINAL_STATES, PipelineState
from responder.store.database import Database
from responder.store.schema import alerts, aliases, incidents
from responder.store.timeline import append_event, order_events

INCIDENT = TypeAdapter(Incident)
EVIDENCE = TypeAdapter(Evidence)
UNFINISHED = incidents.c.state.not_in([state.value for state in FINAL_STATES])


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a report. `incident_id`: the incident it now belongs to; `state`: where that stands.

    `created`: a new incident; `changed`: something in it was not known before. `traceparent`: its trace.
    """

    incident_id: str
    state: PipelineState
    created: bool
    changed: bool
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident's newest revision with what the list shows of it."""

    incident: Incident
    detector_id: str
    source: str
    state: PipelineState
    received_at: float
    revised_at: float
    updated_at: float
    resolved_at: float | None

    @property
    def over(self) -> bool:
        """The detector says that the fault is over."""
        return self.incident.state is IncidentState.CLOSED


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One page of incidents, newest first, and how many there are in all."""

    items: tuple[IncidentRow, ...]
    total: int


class Incidents:
    """Takes reports in and gives the newest revision out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def receive(self, incident: Incident, at: float) -> Receipt:
        """Take in the detector's report; the same id and revision again changes nothing."""
        with self._database.write() as tx:
            order_events(tx)  # which also keeps two from creating an incident for one fault
            row = find_row(tx, incident.id, lock=True) or _adopt(tx, incident)
            if row is None:
                return create_incident(tx, incident, "detector", incident.id, at)
            state = PipelineState(row.state)
            if row.detector_id is not None and incident.revision <= row.revision:
                return Receipt(row.id, state, created=False, changed=False)
            # An incident keeps the id and the trace it began with.
            known = INCIDENT.validate_python(row.document)
            document = replace(incident, id=row.id, traceparent=known.traceparent)
            tx.execute(
                update(incidents)
                .where(incidents.c.id == row.id)
                .values(detector_id=incident.id, revised_at=at, updated_at=at, **incident_columns(document))
            )
            if row.detector_id is None:
                message = f"Confirmed by telemetry: {incident.summary}"
                append_event(tx, row.id, state, message, key=f"detected:{incident.id}", at=at)
            elif incident.state is IncidentState.CLOSED and not row.over:
                message = "The detector reports that the fault is over"
                append_event(tx, row.id, state, message, key=f"over:{incident.revision}", at=at)
            return Receipt(row.id, state, created=False, changed=True, traceparent=known.traceparent)

    def get(self, incident_id: str) -> IncidentRow | None:
        """The incident by its id or by any id it was reported under."""
        with self._database.read() as tx:
            row = find_row(tx, incident_id)
            return None if row is None else load_row(tx, row)

    def unfinished(self) -> list[str]:
        """Ids of all incidents that are not in a final state, oldest first."""
        with self._database.read() as tx:
            query = select(incidents.c.id).where(UNFINISHED).order_by(incidents.c.received_at)
            return list(tx.execute(query).scalars())

    def page(
        self, limit: int, offset: int, state: PipelineState | None = None, service: str | None = None
    ) -> IncidentPage:
        """Incidents newest first, filtered by state and by service where given."""
        conditions = []
        if state is not None:
            conditions.append(incidents.c.state == state.value)
        if service is not None:
            conditions.append(incidents.c.service == service)
        order = (incidents.c.received_at.desc(), incidents.c.id.desc())
        with self._database.read() as tx:
            total = tx.execute(select(func.count()).select_from(incidents).where(*conditions)).scalar_one()
            rows = tx.execute(
                select(incidents).where(*conditions).order_by(*order).limit(limit).offset(offset)
            ).all()
            return IncidentPage(tuple(_row(row, ()) for row in rows), total)


def load_row(tx: Connection, row: Row[tuple[object, ...]]) -> IncidentRow:
    """The incident of a table row, with what webhooks added to it as evidence."""
    query = select(alerts.c.evidence).where(alerts.c.incident_id == row.id).order_by(alerts.c.received_at)
    return _row(row, [EVIDENCE.validate_python(document) for document in tx.execute(query).scalars()])


def _row(row: Row[tuple[object, ...]], added: Sequence[Evidence]) -> IncidentRow:
    incident = INCIDENT.validate_python(row.document)
    known = {evidence.id for evidence in incident.evidence}
    evidence = (*incident.evidence, *(one for one in added if one.id not in known))
    return IncidentRow(
        incident=replace(incident, evidence=evidence),
        detector_id=row.detector_id or row.id,
        source=row.source,
        state=PipelineState(row.state),
        received_at=row.received_at,
        revised_at=row.revised_at,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
    )


def find_row(tx: Connection, incident_id: str, lock: bool = False) -> Row[tuple[object, ...]] | None:
    """The table row of the incident, by its id or by any id it was reported under; held when `lock`."""
    own = select(incidents).where(incidents.c.id == incident_id)
    by_alias = (
        select(incidents)
        .join(aliases, aliases.c.incident_id == incidents.c.id)
        .where(aliases.c.alias == incident_id)
    )
    for query in (own, by_alias):
        row = tx.execute(query.with_for_update(of=incidents) if lock else query).one_or_none()
        if row is not None:
            return row
    return None


def _adopt(tx: Connection, incident: Incident) -> Row[tuple[object, ...]] | None:
    """An unfinished incident that came by webhook and that this detection is about."""
    query = (
        select(incidents)
        .where(
            incidents.c.service == incident.service,
            incidents.c.detector_id.is_(None),
            incidents.c.over.is_(False),
            UNFINISHED,
        )
        .order_by(incidents.c.received_at)
        .limit(1)
        .with_for_update()
    )
    row = tx.execute(query).one_or_none()
    if row is not None:
        tx.execute(insert(aliases).values(alias=incident.id, incident_id=row.id))
    return row


def create_incident(
    tx: Connection, incident: Incident, source: str, detector_id: str | None, at: float
) -> Receipt:
    """A new incident; `detector_id` is None where the detector does not know it (yet)."""
    tx.execute(
        insert(incidents).values(
            id=incident.id,
            detector_id=detector_id,
            source=source,
            state=PipelineState.RECEIVED.value,
            state_since=at,
            received_at=at,
            revised_at=at,
            updated_at=at,
            **incident_columns(incident),
        )
    )
    message = f"Received from {source}: {incident.summary}"
    append_event(tx, incident.id, PipelineState.RECEIVED, message, key="received", at=at)
    return Receipt(
        incident.id, PipelineState.RECEIVED, created=True, changed=True, traceparent=incident.traceparent
    )


def incident_columns(incident: Incident) -> dict[str, object]:
    """What is kept of a revision."""
    return {
        "revision": incident.revision,
        "service": incident.service,
        "type": incident.type.value,
        "over": incident.state is IncidentState.CLOSED,
        "document": INCIDENT.dump_python(incident, mode="json"),
    }
