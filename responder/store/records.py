"""An incident with all that was done about it, read on one snapshot."""

from sqlalchemy import select

from responder.incident_record import IncidentRecord, PipelineState, TimelineEvent
from responder.store.database import Database
from responder.store.incidents import find_row, load_row
from responder.store.journal import DECISION, DIAGNOSIS, action_record, actions_of
from responder.store.schema import decisions, diagnoses, timeline

MAX_TIMELINE = 1_000


class Records:
    """Assembles the whole record of an incident."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, incident_id: str) -> IncidentRecord | None:
        """The record by the incident's id or by any id it was reported under; the newest diagnosis."""
        with self._database.read() as tx:
            found = find_row(tx, incident_id)
            if found is None:
                return None
            row = load_row(tx, found)
            own = row.incident.id
            diagnosis = tx.execute(
                select(diagnoses.c.document)
                .where(diagnoses.c.incident_id == own)
                .order_by(diagnoses.c.attempt.desc())
                .limit(1)
            ).scalar_one_or_none()
            decided = tx.execute(
                select(decisions.c.document)
                .where(decisions.c.incident_id == own)
                .order_by(decisions.c.attempt, decisions.c.rank)
            ).scalars()
            done = tx.execute(actions_of(own))
            events = tx.execute(
                select(timeline)
                .where(timeline.c.incident_id == own)
                .order_by(timeline.c.seq)
                .limit(MAX_TIMELINE)
            )
            return IncidentRecord(
                incident=row.incident,
                state=row.state,
                received_at=row.received_at,
                updated_at=row.updated_at,
                source=row.source,
                diagnosis=None if diagnosis is None else DIAGNOSIS.validate_python(diagnosis),
                decisions=tuple(DECISION.validate_python(document) for document in decided),
                actions=tuple(action_record(action) for action in done),
                timeline=tuple(
                    TimelineEvent(
                        seq=event.seq, at=event.at, state=PipelineState(event.state), message=event.message
                    )
                    for event in events
                ),
                resolved_at=row.resolved_at,
            )
