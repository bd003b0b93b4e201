"""States and what happened, in order: every change of state is one event of the timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from responder.incident_record import PipelineState, TimelineEvent
from responder.store.database import Database, alone
from responder.store.notifications import announce
from responder.store.schema import incidents, timeline

MAX_MESSAGE = 2_000


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state that was made now: where from, and how long (seconds) the incident was there."""

    before: PipelineState
    after: PipelineState
    seconds: float


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A timeline event with its place in the order of all events (`cursor`)."""

    cursor: int
    incident_id: str
    event: TimelineEvent


class Timeline:
    """Moves incidents from state to state and lists what happened.

    `told`: the channels of notifications that are to tell of a state, by state.
    """

    def __init__(self, database: Database, told: Mapping[PipelineState, Sequence[str]]) -> None:
        self._database = database
        self._told = told

    def move(
        self, incident_id: str, state: PipelineState, message: str, *, key: str, at: float
    ) -> Move | None:
        """Put the incident into `state`, with `message` on its timeline.

        Done once for a `key`: the same key again, or an incident in a final state, changes nothing and
        answers None. `LookupError` for an unknown incident.
        """
        with self._database.write() as tx:
            order_events(tx)
            row = tx.execute(
                select(incidents.c.state, incidents.c.state_since)
                .where(incidents.c.id == incident_id)
                .with_for_update()
            ).one_or_none()
            if row is None:
                raise LookupError(f"no incident {incident_id}")
            before = PipelineState(row.state)
            if before.final or not append_event(tx, incident_id, state, message, key=key, at=at):
                return None
            values: dict[str, object] = {"state": state.value, "updated_at": at}
            if state is not before:
                values["state_since"] = at
                announce(tx, incident_id, state, self._told.get(state, ()), key=key, at=at)
            if state is PipelineState.RESOLVED:
                values["resolved_at"] = at
            tx.execute(update(incidents).where(incidents.c.id == incident_id).values(values))
            return Move(before=before, after=state, seconds=max(0.0, at - row.state_since))

    def note(self, incident_id: str, message: str, *, key: str, at: float) -> None:
        """Add `message` to the timeline without a change of state; once for a `key`."""
        with self._database.write() as tx:
            order_events(tx)
            state = tx.execute(
                select(incidents.c.state).where(incidents.c.id == incident_id).with_for_update()
            ).scalar_one()
            append_event(tx, incident_id, PipelineState(state), message, key=key, at=at)

    def after(self, cursor: int, limit: int, incident_id: str | None = None) -> list[StoredEvent]:
        """Up to `limit` events after `cursor`, oldest first, of one incident or of all."""
        query = select(timeline).where(timeline.c.id > cursor).order_by(timeline.c.id).limit(limit)
        if incident_id is not None:
            query = query.where(timeline.c.incident_id == incident_id)
        with self._database.read() as tx:
            return [
                StoredEvent(
                    cursor=row.id,
                    incident_id=row.incident_id,
                    event=TimelineEvent(
                        seq=row.seq, at=row.at, state=PipelineState(row.state), message=row.message
                    ),
                )
                for row in tx.execute(query)
            ]

    def message(self, incident_id: str, key: str) -> str:
        """What the event of that key says; "" where there is none."""
        mine = (timeline.c.incident_id == incident_id, timeline.c.key == key)
        with self._database.read() as tx:
            return tx.execute(select(timeline.c.message).where(*mine)).scalar() or ""

    def last_cursor(self) -> int:
        """The newest event's place in the order of all events; 0 when there is none."""
        with self._database.read() as tx:
            return int(tx.execute(select(func.coalesce(func.max(timeline.c.id), 0))).scalar_one())


def order_events(tx: Connection) -> None:
    """What a transaction that appends events begins with, before it holds any row.

    Readers follow by id, so none may be committed after one that is higher.
    """
    alone(tx, "the order of all events")


def append_event(
    tx: Connection, incident_id: str, state: PipelineState, message: str, *, key: str, at: float
) -> bool:
    """Append one event inside a transaction that began with `order_events` and holds the incident; False when
    `key` is there already."""
    mine = timeline.c.incident_id == incident_id
    if tx.execute(select(timeline.c.id).where(mine, timeline.c.key == key)).first() is not None:
        return False
    last = tx.execute(select(func.coalesce(func.max(timeline.c.seq), 0)).where(mine)).scalar_one()
    tx.execute(
        insert(timeline).values(
            incident_id=incident_id,
            seq=last + 1,
            key=key,
            at=at,
            state=state.value,
            message=message[:MAX_MESSAGE],
        )
    )
    return True
