"""The trail in the database: it is only ever appended to."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from responder.audit.check import Checked, check
from responder.audit.record import GENESIS, AuditKind, AuditRecord, canonical, hash_of
from responder.store.database import Database, alone
from responder.store.schema import audit_head, audit_trail, fit_to_keep

_HEAD = 1
_BATCH = 1_000


class AuditTrail:
    """Appends and reads. `clock` gives seconds since the epoch."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def append(
        self, kind: AuditKind, incident_id: str, actor: str, detail: Mapping[str, Any], *, key: str
    ) -> bool:
        """Write one record; False, and nothing is written, where `key` is there already."""
        with self._database.write() as tx:
            return append_record(tx, kind, incident_id, actor, detail, key=key, at=self._clock())

    def page(self, limit: int, offset: int, incident_id: str | None = None) -> tuple[list[AuditRecord], int]:
        """Records, the newest first, and how many there are."""
        conditions = [] if incident_id is None else [audit_trail.c.incident_id == incident_id]
        with self._database.read() as tx:
            total = tx.execute(select(func.count()).select_from(audit_trail).where(*conditions)).scalar_one()
            query = (
                select(audit_trail)
                .where(*conditions)
                .order_by(audit_trail.c.seq.desc())
                .limit(limit)
                .offset(offset)
            )
            return [_record(row) for row in tx.execute(query)], total

    def check(self, contains: str | None = None) -> Checked:
        """Recompute the whole chain on one snapshot; `contains`: a hash that must be in it."""
        with self._database.read() as tx:
            head = tx.execute(select(audit_head.c.seq, audit_head.c.hash)).one_or_none()
            return check(_all(tx), None if head is None else (head.seq, head.hash), contains)


def append_record(
    tx: Connection,
    kind: AuditKind,
    incident_id: str,
    actor: str,
    detail: Mapping[str, Any],
    *,
    key: str,
    at: float,
) -> bool:
    """Append inside a writing transaction, so that the record is there exactly if what it tells of is."""
    alone(tx, "the order of the audit trail")
    head = tx.execute(select(audit_head)).one_or_none()
    if tx.execute(select(audit_trail.c.seq).where(audit_trail.c.key == key)).first() is not None:
        return False
    seq, previous = (0, GENESIS) if head is None else (head.seq, head.hash)
    content = {
        "seq": seq + 1,
        "at": float(at),
        "kind": kind.value,
        "incident_id": incident_id,
        "actor": fit_to_keep(actor),
        "key": key,
        "detail": canonical(detail),
        "previous": previous,
    }
    digest = hash_of(**content)  # type: ignore[arg-type]  # the same names, and mypy sees one value type
    tx.execute(insert(audit_trail).values(**content, hash=digest))
    if head is None:
        tx.execute(insert(audit_head).values(id=_HEAD, seq=seq + 1, hash=digest))
    else:
        tx.execute(update(audit_head).values(seq=seq + 1, hash=digest))
    return True


def _all(tx: Connection) -> Iterator[AuditRecord]:
    # By place, not by seq: a row whose number was changed must not hide between two batches.
    offset = 0
    while True:
        query = select(audit_trail).order_by(audit_trail.c.seq).limit(_BATCH).offset(offset)
        rows = tx.execute(query).all()
        yield from (_record(row) for row in rows)
        if len(rows) < _BATCH:
            return
        offset += _BATCH


def _record(row: Row[Any]) -> AuditRecord:
    return AuditRecord(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        incident_id=row.incident_id,
        actor=row.actor,
        key=row.key,
        detail=row.detail,
        previous=row.previous,
        hash=row.hash,
    )
