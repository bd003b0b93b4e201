"""What the policy asks of the past, read from the store."""

from collections.abc import Sequence

from sqlalchemy import select

from responder.incident_record import ActionKind, ActionOutcome
from responder.policy import PastAction
from responder.store import Database
from responder.store.schema import actions, incidents

_MOST = 20_000  # more than any limit of a policy counts


class StoredPast:
    """Implements the policy's `History`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def actions_on(self, target: str, since: float) -> Sequence[PastAction]:
        """Actions begun on `target` since then, newest first, but those that were refused."""
        query = (
            select(actions)
            .where(
                actions.c.target == target,
                actions.c.started_at >= since,
                actions.c.outcome != ActionOutcome.REFUSED.value,
            )
            .order_by(actions.c.started_at.desc())
            .limit(_MOST)
        )
        with self._database.read() as tx:
            return [
                PastAction(row.incident_id, ActionKind(row.action), row.started_at, row.ended_at)
                for row in tx.execute(query)
            ]

    def incidents_on(self, target: str, since: float) -> Sequence[float]:
        """When incidents of `target` were received since then, newest first."""
        query = (
            select(incidents.c.received_at)
            .where(incidents.c.service == target, incidents.c.received_at >= since)
            .order_by(incidents.c.received_at.desc())
            .limit(_MOST)
        )
        with self._database.read() as tx:
            return list(tx.execute(query).scalars())
