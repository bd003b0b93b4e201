"""How much of what the store holds, for metrics."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import func, select

from detector import IncidentType
from responder.incident_record import PipelineState
from responder.store.database import Database
from responder.store.schema import incidents, notifications


class Tallies:
    """Counts over one database; each is one query that only reads, and of incidents only their index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incidents(self) -> Mapping[tuple[PipelineState, IncidentType], int]:
        """Incidents by state and type."""
        c = incidents.c
        query = select(c.state, c.type, func.count()).group_by(c.state, c.type)
        with self._database.read() as tx:
            return {(PipelineState(s), IncidentType(t)): count for s, t, count in tx.execute(query)}

    def service_incidents(self, services: int, others: str) -> Mapping[tuple[str, PipelineState], int]:
        """Incidents by service and state: of so many services that have the most, the rest as `others`."""
        c = incidents.c
        by_index = (c.state, c.type, c.service)  # in the order of the index, or the rows themselves are read
        query = select(*by_index, func.count().label("held")).group_by(*by_index)
        with self._database.read() as tx:
            rows = [(row.service, PipelineState(row.state), row.held) for row in tx.execute(query)]
        of_service: Counter[str] = Counter()
        for service, _, count in rows:
            of_service[service] += count
        most = {service for service, _ in of_service.most_common(services)}
        tally: Counter[tuple[str, PipelineState]] = Counter()
        for service, state, count in rows:
            tally[service if service in most else others, state] += count
        return tally

    def size_bytes(self) -> int:
        """What the database takes on its disk."""
        return self._database.size_bytes()

    def notifications(self) -> Mapping[str, int]:
        """Notifications that are not done with, by channel."""
        c = notifications.c
        query = (
            select(c.channel, func.count().label("pending")).where(c.outcome.is_(None)).group_by(c.channel)
        )
        with self._database.read() as tx:
            return {row.channel: row.pending for row in tx.execute(query)}
