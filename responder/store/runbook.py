"""What the runbook keeps, as JSON documents: one row a lesson, one an imported entry."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from responder.store.database import Database
from responder.store.schema import runbook

_AT_ONCE = 500  # parameters of one statement
_INSERT: Mapping[str, Callable[[Any], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class RunbookEntries:
    """Keeps documents by id; what is in them is the runbook's own business."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self) -> dict[str, float]:
        """When each row was last put, by its id."""
        with self._database.read() as tx:
            return {row.id: row.updated_at for row in tx.execute(select(runbook.c.id, runbook.c.updated_at))}

    def load(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The documents of those that are there, by id."""
        found: dict[str, dict[str, Any]] = {}
        with self._database.read() as tx:
            for some in _batches(ids):
                query = select(runbook.c.id, runbook.c.document).where(runbook.c.id.in_(some))
                found.update({row.id: row.document for row in tx.execute(query)})
        return found

    def put(
        self,
        documents: Mapping[str, Mapping[str, Any]],
        at: float,
        *,
        without: Iterable[str] = (),
        also: Callable[[Connection], object] | None = None,
    ) -> None:
        """In one transaction: keep these in place of earlier ones of their ids, drop those of `without`, and
        do `also`."""
        with self._database.write() as tx:
            for some in _batches(without):
                tx.execute(delete(runbook).where(runbook.c.id.in_(some)))
            if documents:
                rows = [{"id": i, "document": dict(d), "updated_at": at} for i, d in documents.items()]
                new = _INSERT[tx.dialect.name](runbook)
                values = {"document": new.excluded.document, "updated_at": new.excluded.updated_at}
                tx.execute(new.on_conflict_do_update(index_elements=[runbook.c.id], set_=values), rows)
            if also is not None:
                also(tx)


def _batches(ids: Iterable[str]) -> Iterable[list[str]]:
    ids = list(ids)
    return (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))
