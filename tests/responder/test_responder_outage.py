"""Telling an outage of the database from other errors, waiting for its end, not saying so all the time."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from database_faults import held_lock
from opentelemetry.metrics import NoOpMeterProvider
from sqlalchemy.exc import IntegrityError, OperationalError
from waiting import eventually

from responder.logs import Sparing
from responder.pipeline import Starting
from responder.store import Database, Outage, StoreUnavailableError
from responder.store.outage import Turnstile, outage_of
from responder.store.turn import Turn
from responder.telemetry import PipelineMetrics

LOCKED = StoreUnavailableError("it is locked", Outage.LOCKED)
BUSY = StoreUnavailableError("too many write", Outage.BUSY)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
    database.open()
    yield database
    database.close()


def test_a_lock_that_another_process_holds_is_an_outage(tmp_path: Path) -> None:
    with (
        held_lock(tmp_path / "some.db"),
        closing(sqlite3.connect(tmp_path / "some.db", timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError) as raised,
    ):
        other.execute("BEGIN IMMEDIATE")
    assert outage_of(raised.value) is Outage.LOCKED
    assert outage_of(OperationalError("BEGIN", None, raised.value)) is Outage.LOCKED


def test_what_is_wrong_with_a_statement_is_no_outage(database: Database) -> None:
    with pytest.raises(OperationalError, match="no such table"), database.write() as tx:
        tx.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
    with pytest.raises(IntegrityError), database.write() as tx:
        tx.exec_driver_sql("INSERT INTO audit_head (id, seq, hash) VALUES (1, 1, 'x'), (1, 1, 'x')")
    database.check_writable()


def test_once_writing_failed_one_tries_and_the_others_are_told_at_once() -> None:
    turnstile = Turnstile()
    with pytest.raises(StoreUnavailableError), turnstile.pass_through():
        raise LOCKED
    trying, done = threading.Event(), threading.Event()

    def try_it() -> None:
        with turnstile.pass_through():
            trying.set()
            done.wait(10)

    trier = threading.Thread(target=try_it)
    trier.start()
    assert trying.wait(10)
    with pytest.raises(StoreUnavailableError, match="it is locked"), turnstile.pass_through():
        pytest.fail("passed beside the one that tries")
    done.set()
    trier.join()
    with turnstile.pass_through(), turnstile.pass_through():
        pass


def test_an_error_of_the_writer_itself_closes_nothing() -> None:
    turnstile = Turnstile()
    with pytest.raises(LookupError), turnstile.pass_through():
        raise LookupError
    entered = []

    def enter() -> None:
        with turnstile.pass_through():
            entered.append(1)

    with turnstile.pass_through():
        other = threading.Thread(target=enter)
        other.start()
        other.join()
    assert entered == [1]


def test_who_waited_while_writing_failed_is_told_instead_of_trying_as_well() -> None:
    turnstile = Turnstile()
    with turnstile.pass_through() as still_open:
        still_open()
        with pytest.raises(StoreUnavailableError), turnstile.pass_through():
            raise LOCKED
        with pytest.raises(StoreUnavailableError, match="it is locked"):
            still_open()
    with turnstile.pass_through() as still_open:
        still_open()  # the one that tries again


def test_too_many_writers_do_not_close_it_as_writing_works() -> None:
    turnstile = Turnstile()
    with pytest.raises(StoreUnavailableError), turnstile.pass_through():
        raise BUSY
    assert turnstile.open


def test_a_writer_that_waits_only_for_its_own_process_is_not_told_of_another_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_writers", Turn(timeout_s=0.01, most_waiting=5))
    refused = threading.Event()

    def write() -> None:
        with pytest.raises(StoreUnavailableError, match="cannot keep up") as raised, database.write():
            pass
        assert raised.value.outage is Outage.BUSY
        assert "another process" not in str(raised.value)
        refused.set()

    with database.write():
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
    assert refused.is_set()
    database.check_writable()


def test_writers_that_wait_behind_one_that_waits_for_a_lock_are_told_of_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("responder.store.sqlite.BUSY_TIMEOUT_MS", 200)
    database = Database(f"sqlite:///{tmp_path / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
    database.open()
    with held_lock(tmp_path / "responder.db"), ThreadPoolExecutor(4) as pool:
        refusals = list(pool.map(lambda _: refusal(database), range(4)))
    database.close()
    assert [one.outage for one in refusals] == [Outage.LOCKED] * 4


def refusal(database: Database) -> StoreUnavailableError:
    with pytest.raises(StoreUnavailableError) as raised, database.write():
        pass
    return raised.value


class Reluctant:
    """Starts a workflow at the third try."""

    def __init__(self) -> None:
        self.tries: list[str] = []

    def start(self, incident_id: str) -> None:
        self.tries.append(incident_id)
        if len(self.tries) < 3:
            raise LOCKED

    def ended(self, workflow_id: str) -> str | None:
        return None


def test_what_is_to_be_started_is_tried_until_it_is_and_holds_up_nobody() -> None:
    workflows = Reluctant()
    starting = Starting(workflows, PipelineMetrics(NoOpMeterProvider()))
    for incident_id in ("A", "A", "B"):
        starting.start(incident_id)
    assert not starting.launched
    starting.run()
    assert starting.launched
    eventually(lambda: workflows.tries == ["A", "A", "A", "B"], "both")
    starting.stop()
    assert not starting.launched


def record(level: int, line: int, *args: object) -> logging.LogRecord:
    return logging.LogRecord("name", level, "file.py", line, "%s: %s", args, None)


def test_the_same_warning_is_said_once_in_a_while() -> None:
    now = 0.0
    sparing = Sparing(every_s=10.0, clock=lambda: now)
    assert sparing.filter(record(logging.WARNING, 1, "INC-1", ValueError("1.2 s")))
    assert not sparing.filter(record(logging.WARNING, 1, "INC-1", ValueError("2.4 s")))
    assert sparing.filter(record(logging.WARNING, 1, "INC-2", ValueError("1.2 s")))
    assert sparing.filter(record(logging.WARNING, 2, "INC-1", ValueError("1.2 s")))
    now = 9.9
    assert not sparing.filter(record(logging.WARNING, 1, "INC-1", ValueError("1.2 s")))
    now = 10.0
    assert sparing.filter(record(logging.WARNING, 1, "INC-1", ValueError("1.2 s")))


def test_what_is_no_warning_is_always_said() -> None:
    sparing = Sparing(every_s=10.0, clock=lambda: 0.0)
    assert all(sparing.filter(record(logging.INFO, 1, "INC-1", "moved")) for _ in range(3))
