"""Does the chain hold?"""

from collections.abc import Iterable
from dataclasses import dataclass

from responder.audit.record import GENESIS, AuditRecord, hash_of


@dataclass(frozen=True, slots=True)
class Checked:
    """`records`: how many fit, from the first on. `head`: the hash of the last of them. `fault`: what is
    wrong with the first that does not fit; None where all do."""

    records: int
    head: str
    fault: str | None = None

    @property
    def sound(self) -> bool:
        """Every record fits."""
        return self.fault is None


def check(
    records: Iterable[AuditRecord], head: tuple[int, str] | None, contains: str | None = None
) -> Checked:
    """Recompute the chain of `records` (in the order of `seq`) and compare it with the `head` (number of
    records and last hash) that is kept beside it; None: nothing is kept, so there must be no record.
    `contains`: a hash that one of the records must have, written down elsewhere when it was the last."""
    count, previous, found = 0, GENESIS, contains is None
    for record in records:
        fault = _fault(record, count + 1, previous)
        if fault is not None:
            return Checked(count, previous, fault)
        count, previous = count + 1, record.hash
        found = found or record.hash == contains
    kept = head or (0, GENESIS)
    if kept != (count, previous):
        return Checked(
            count,
            previous,
            f"the trail ends at record {count}, and {kept[0]} were written: the end is missing",
        )
    if not found:
        return Checked(count, previous, f"no record has the hash {contains}: the trail was written anew")
    return Checked(count, previous)


def _fault(record: AuditRecord, expected: int, previous: str) -> str | None:
    if record.seq != expected:
        return f"record {expected} is missing; record {record.seq} stands in its place"
    if record.previous != previous:
        return f"record {record.seq} does not follow the record before it: one of them was changed"
    try:
        computed = hash_of(
            seq=record.seq,
            at=record.at,
            kind=record.kind,
            incident_id=record.incident_id,
            actor=record.actor,
            key=record.key,
            detail=record.detail,
            previous=record.previous,
        )
    except ValueError:  # a time that is not a number has no canonical form
        return f"record {record.seq} cannot be read: it was changed after it was written"
    if record.hash != computed:
        return f"record {record.seq} was changed after it was written: its content does not fit its hash"
    return None
