"""The runbook's entries as JSON documents."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update

from responder.store.database import Database
from responder.store.schema import runbook


class RunbookEntries:
    """Keeps one document an entry; what is in them is the runbook's own business."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load_all(self) -> list[dict[str, Any]]:
        """All entries, in the order of their ids."""
        with self._database.read() as tx:
            return list(tx.execute(select(runbook.c.document).order_by(runbook.c.id)).scalars())

    def upsert(self, entry_id: str, document: Mapping[str, Any], at: float) -> None:
        """Keep `document` as the entry of that id, in place of one that was there."""
        values = {"document": dict(document), "updated_at": at}
        with self._database.write() as tx:
            changed = tx.execute(update(runbook).where(runbook.c.id == entry_id).values(values)).rowcount
            if changed == 0:
                tx.execute(insert(runbook).values(id=entry_id, **values))
