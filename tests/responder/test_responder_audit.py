"""The audit trail: appended to once for a key, and any later change shows."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from responder.audit import AuditKind, AuditTrail
from responder.store import Database

RECORDS = 5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "responder.db"


@pytest.fixture
def trail(path: Path) -> Iterator[AuditTrail]:
    database = Database(f"sqlite:///{path}", "AEGISOPS_RESPONDER_DATA_DIR")
    database.open()
    yield AuditTrail(database, iter(range(1000, 2000)).__next__)
    database.close()


@pytest.fixture
def full(trail: AuditTrail) -> AuditTrail:
    for number in range(RECORDS):
        append(trail, f"k{number}")
    return trail


def append(trail: AuditTrail, key: str) -> bool:
    return trail.append(AuditKind.ACTION_BEGUN, "INC-1", "responder", {"b": "ü", "a": [1.5, None]}, key=key)


def tamper(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def alter(path: Path, change: str, seq: int) -> None:
    tamper(path, f"UPDATE audit_trail SET {change} WHERE seq = {seq}")  # noqa: S608 - this test's own text


def delete(path: Path, seq: int) -> None:
    tamper(path, f"DELETE FROM audit_trail WHERE seq = {seq}")  # noqa: S608 - this test's own text


def test_an_empty_trail_is_sound(trail: AuditTrail) -> None:
    assert trail.check().sound
    assert trail.check().records == 0


def test_records_are_chained_and_counted(full: AuditTrail) -> None:
    checked = full.check()
    assert (checked.sound, checked.records) == (True, RECORDS)
    records, total = full.page(10, 0)
    assert total == RECORDS
    assert [one.seq for one in records] == [5, 4, 3, 2, 1]
    assert [one.previous for one in records[:-1]] == [one.hash for one in records[1:]]
    assert records[0].hash == checked.head


def test_the_same_key_again_is_not_written_again(full: AuditTrail) -> None:
    assert append(full, "k0") is False
    assert full.check().records == RECORDS


@pytest.mark.parametrize(
    "change",
    [
        "seq = 99",
        "at = at + 0.001",
        "kind = 'action_ended'",
        "incident_id = 'INC-2'",
        "actor = 'mallory'",
        "key = 'other'",
        "detail = '{}'",
        "detail = detail || ' '",
        "previous = hash",
        "hash = previous",
    ],
)
@pytest.mark.parametrize("seq", [1, 3, RECORDS])
def test_a_change_of_any_field_of_any_record_shows(
    full: AuditTrail, path: Path, change: str, seq: int
) -> None:
    alter(path, change, seq)
    checked = full.check()
    assert not checked.sound
    assert checked.records >= seq - 1


@pytest.mark.parametrize("seq", range(1, RECORDS + 1))
def test_a_deleted_record_shows(full: AuditTrail, path: Path, seq: int) -> None:
    delete(path, seq)
    checked = full.check()
    assert (checked.sound, checked.records) == (False, seq - 1)


def test_deleted_records_with_the_numbers_closed_up_show(full: AuditTrail, path: Path) -> None:
    delete(path, 2)
    for seq in range(3, RECORDS + 1):
        alter(path, f"seq = {seq - 1}", seq)
    assert full.check().records == 1


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 4), (4, 5)])
def test_reordered_records_show(full: AuditTrail, path: Path, one: int, other: int) -> None:
    alter(path, "seq = 99", one)
    alter(path, f"seq = {one}", other)
    alter(path, f"seq = {other}", 99)
    checked = full.check()
    assert (checked.sound, checked.records) == (False, one - 1)


def test_all_records_deleted_show(full: AuditTrail, path: Path) -> None:
    tamper(path, "DELETE FROM audit_trail")
    assert not full.check().sound


def test_a_trail_written_anew_does_not_have_the_hash_written_down_before(
    full: AuditTrail, path: Path
) -> None:
    known = full.check().head
    assert full.check(contains=known).sound
    tamper(path, "DELETE FROM audit_trail")
    tamper(path, "DELETE FROM audit_head")
    for number in range(RECORDS):
        append(full, f"k{number}")
    assert full.check().sound
    assert not full.check(contains=known).sound
