"""What people are still to be told: one row a change of state and channel, written with the change itself.

So a change is told exactly when it was made, whatever happens to the process in between.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select, update

from responder.incident_record import PipelineState
from responder.store.database import Database
from responder.store.schema import notifications

LONGEST_PAUSE_S = 300.0
"""Before a notification is tried again."""


class Delivery(StrEnum):
    """What became of a notification. `OUTDATED`: what it would have said was no longer so. `BELOW`: the
    incident is less severe than what the channel is for."""

    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    OUTDATED = "outdated"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Notification:
    """A change of state (`key` of its timeline event) that a channel is to tell, for the `tries`-th time."""

    incident_id: str
    key: str
    channel: str
    state: PipelineState
    entered_at: float
    tries: int


class Notifications:
    """All notifications, over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, channel: str, now: float, until: float) -> Notification | None:
        """The channel's notification that is due longest; nobody else gets it before `until`, which is at
        most `LONGEST_PAUSE_S` from `now`."""
        # Nothing is put off for longer than that, but by a clock that was set back since.
        due = or_(notifications.c.next_at <= now, notifications.c.next_at > now + LONGEST_PAUSE_S)
        mine = and_(notifications.c.channel == channel, notifications.c.outcome.is_(None), due)
        with self._database.read() as tx:  # most looks find nothing, and should take no lock for it
            if tx.execute(select(notifications.c.incident_id).where(mine).limit(1)).first() is None:
                return None
        oldest = select(notifications).where(mine).order_by(notifications.c.next_at).limit(1)
        with self._database.write() as tx:
            row = tx.execute(oldest.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            claimed = Notification(
                incident_id=row.incident_id,
                key=row.key,
                channel=row.channel,
                state=PipelineState(row.state),
                entered_at=row.entered_at,
                tries=row.tries + 1,
            )
            tx.execute(update(notifications).where(_is(claimed)).values(tries=claimed.tries, next_at=until))
            return claimed

    def postpone(self, claimed: Notification, until: float) -> None:
        """Try it again, at `until`."""
        self._set(claimed, next_at=until)

    def settle(self, claimed: Notification, outcome: Delivery, at: float) -> None:
        """It is done with."""
        self._set(claimed, outcome=outcome.value, settled_at=at)

    def _set(self, claimed: Notification, **values: Any) -> None:
        with self._database.write() as tx:
            tx.execute(update(notifications).where(_is(claimed)).values(values))


def announce(
    tx: Connection, incident_id: str, state: PipelineState, channels: Iterable[str], *, key: str, at: float
) -> None:
    """Have `channels` tell a change of state, in the transaction that makes it."""
    for channel in channels:
        tx.execute(
            insert(notifications).values(
                incident_id=incident_id,
                key=key,
                channel=channel,
                state=state.value,
                entered_at=at,
                tries=0,
                next_at=at,
            )
        )


def _is(one: Notification) -> Any:
    return and_(
        notifications.c.incident_id == one.incident_id,
        notifications.c.key == one.key,
        notifications.c.channel == one.channel,
    )
