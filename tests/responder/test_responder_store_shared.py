"""One PostgreSQL database under several responders: nothing is lost, doubled or seen out of order."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest
from pipeline_doubles import ScriptedRemedies, make_evidence, make_incident, proposal
from postgres_server import PostgresServer
from waiting import eventually

from responder.audit import AuditKind, AuditTrail
from responder.incident_record import ActionKind, ActionOutcome
from responder.pipeline import StopGate, new_instance
from responder.pipeline.execution import Execution
from responder.pipeline.instance import surely_dead
from responder.remediate import ActionResult, StepOutcome
from responder.store import (
    Alert,
    Database,
    Lease,
    Outage,
    Standing,
    StepRef,
    Store,
    StoreUnavailableError,
    StoreUnusableError,
    TakenOverError,
)
from responder.store.database import alone

SETTING = "AEGISOPS_RESPONDER_DATABASE_URL"
T = TypeVar("T")
REF = StepRef("INC-1", 1, 0)


@pytest.fixture
def stores(postgres_url: str) -> Iterator[list[Store]]:
    """The stores of three responders."""
    made = []
    for _ in range(3):
        database = Database(postgres_url, SETTING)
        database.open()
        made.append(Store.over(database))
    yield made
    for store in made:
        store.database.close()


def at_once(calls: list[Callable[[], T]]) -> list[T]:
    """The answers of calls that begin together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(run, call) for call in calls]]


def test_what_is_reported_to_several_at_once_is_one_incident(stores: list[Store]) -> None:
    receipts = at_once([lambda s=store: s.incidents.receive(make_incident(), 5.0) for store in stores * 4])
    assert [one.created for one in receipts].count(True) == 1
    assert stores[0].incidents.page(9, 0).total == 1


def test_an_alert_and_a_detection_at_once_are_one_incident(stores: list[Store]) -> None:
    for number in range(5):
        service = f"shop-{number}"
        evidence = make_evidence(f"alert:{number}", service)
        alert = Alert(replace(make_incident(f"alert-{number}", 0, service), evidence=(evidence,)))
        at_once(
            [
                lambda n=number, s=service: stores[0].incidents.receive(make_incident(f"INC-{n}", 1, s), 5.0),
                lambda a=alert: stores[1].alerts.receive_one(a, 5.0),
            ]
        )
        assert stores[2].incidents.page(9, 0, service=service).total == 1


def test_the_audit_trail_of_several_writers_is_one_chain(stores: list[Store]) -> None:
    def write(number: int) -> None:
        trail = AuditTrail(stores[number % 3].database, lambda: 5.0)
        for i in range(10):
            trail.append(AuditKind.POLICY_RULING, "INC-1", "policy", {}, key=f"{number}:{i}")

    at_once([lambda n=number: write(n) for number in range(9)])
    trail = AuditTrail(stores[0].database, lambda: 5.0)
    assert trail.check().fault is None
    assert trail.page(1, 0)[1] == 90


def test_who_follows_the_events_of_all_misses_none(stores: list[Store]) -> None:
    for number in range(6):
        stores[0].incidents.receive(make_incident(f"INC-{number}", service=f"shop-{number}"), 5.0)
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        while True:
            last = done.is_set()
            batch = stores[2].timeline.after(seen[-1] if seen else 0, 7)
            seen.extend(one.cursor for one in batch)
            if last and not batch:
                return

    def write(number: int) -> None:
        for i in range(20):
            stores[number % 3].timeline.note(f"INC-{number}", f"note {i}", key=str(i), at=6.0)

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow)
        at_once([lambda n=number: write(n) for number in range(6)])
        done.set()
        following.result()
    assert len(seen) == 6 * 21
    assert seen == sorted(set(seen))


def test_a_reader_sees_one_snapshot(stores: list[Store]) -> None:
    stores[0].incidents.receive(make_incident(), 5.0)
    with stores[1].database.read() as tx:
        before = tx.exec_driver_sql("SELECT count(*) FROM timeline").scalar_one()
        stores[0].timeline.note("INC-1", "meanwhile", key="a", at=6.0)
        assert tx.exec_driver_sql("SELECT count(*) FROM timeline").scalar_one() == before


def test_writers_that_wait_for_another_process_keep_nobody_from_reading(stores: list[Store]) -> None:
    mine, other = stores[0].database, stores[1].database
    refused: list[Outage] = []

    def write() -> None:
        try:
            with mine.write() as tx:
                alone(tx, "a target")
        except StoreUnavailableError as error:
            refused.append(error.outage)

    with ThreadPoolExecutor(36) as pool:
        with other.write() as tx:
            alone(tx, "a target")
            writers = [pool.submit(write) for _ in range(36)]
            eventually(lambda: len(refused) == 4, "those that are too many are refused at once", 20.0)
            assert stores[0].incidents.page(9, 0).total == 0
        for writer in writers:
            writer.result()
    assert refused == [Outage.BUSY] * 4


def test_no_error_names_the_password() -> None:
    database = Database("postgresql+psycopg://aegis:hidden@127.0.0.1:1/aegis", SETTING)
    with pytest.raises(StoreUnusableError, match=SETTING) as caught:
        database.open()
    assert "hidden" not in str(caught.value)
    assert "aegis@127.0.0.1" in str(caught.value).replace(":***", "")


def test_who_lives_is_not_taken_over(stores: list[Store]) -> None:
    one, two = (Lease(stores[i].database, f"{i}") for i in range(2))
    one.take(5.0)
    two.take(5.0)
    adopted: list[str] = []
    two.take_over(["0", "long gone"], adopted.append)
    assert adopted == ["long gone"]
    assert one.look() is Standing.HELD
    one.close()
    two.close()


def test_who_dies_is_taken_over_by_one_of_the_others(stores: list[Store]) -> None:
    dead, *others = (Lease(stores[i].database, f"{i}") for i in range(3))
    for lease in (dead, *others):
        lease.take(5.0)
    dead.close()
    adopted: list[str] = []
    at_once([lambda o=other: o.take_over([], adopted.append) for other in others])
    assert adopted == ["0"]
    assert dead.look() is Standing.TAKEN_OVER
    for lease in (dead, *others):
        lease.close()


def test_a_lost_session_is_taken_up_again_unless_others_were_faster(
    stores: list[Store], postgres: PostgresServer
) -> None:
    lease = Lease(stores[0].database, "one")
    lease.take(5.0)
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    assert lease.look() is Standing.LOST
    assert lease.look() is Standing.HELD
    lease.close()


def test_who_was_taken_over_begins_no_step_any_more(stores: list[Store]) -> None:
    stores[0].incidents.receive(make_incident(), 5.0)
    one, two = (Lease(stores[i].database, f"{i}") for i in range(2))
    one.take(5.0)
    two.take(5.0)
    assert stores[0].journal.begin_step(REF, {}, "0", 6.0) is None
    one.close()
    two.take_over([], lambda _: None)
    with pytest.raises(TakenOverError):
        stores[0].journal.begin_step(StepRef("INC-1", 1, 1), {}, "0", 7.0)
    with pytest.raises(TakenOverError):
        stores[0].journal.begin_step(REF, {}, "0", 7.0)
    two.close()


class Taker:
    """A responder that finds a step of another one begun and not ended."""

    def __init__(self, store: Store, begun_by: str) -> None:
        self.now = 100.0
        self.store = store
        self.remedies = ScriptedRemedies(looked=StepOutcome.NOT_DONE)
        store.incidents.receive(make_incident(), 5.0)
        self.lease = Lease(store.database, "taker")
        self.lease.take(5.0)
        other = Lease(store.database, begun_by)
        other.take(5.0)
        store.journal.begin_step(REF, {"pid": "7"}, begun_by, self.now)
        other.close()
        self.lease.take_over([], lambda _: None)
        self.on_sleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep()

    def perform(self) -> ActionResult:
        execution = Execution(
            self.remedies, self.store.journal, StopGate(), "taker", clock=lambda: self.now, sleep=self.sleep
        )
        self.store.journal.begin_action("INC-1", 1, proposal(ActionKind.RESTART), risky=False, at=5.0)
        (action,) = self.store.journal.actions("INC-1")
        return execution.perform(action, REF, {"pid": "8"})


ELSEWHERE = "0123456789ab-1-00000000"  # a process of another machine


def test_a_step_of_who_may_still_be_at_it_is_performed_again_only_after_its_time(stores: list[Store]) -> None:
    taker = Taker(stores[0], ELSEWHERE)
    assert taker.perform().outcome is ActionOutcome.SUCCEEDED
    assert taker.now >= 100.0 + 30.0
    assert taker.remedies.priors == [{"pid": "7"}]
    taker.lease.close()


def test_a_clock_that_is_behind_adds_nothing_to_the_wait_for_who_may_still_be_at_it(
    stores: list[Store],
) -> None:
    taker = Taker(stores[0], ELSEWHERE)
    taker.now -= 3600.0
    began = taker.now
    assert taker.perform().outcome is ActionOutcome.SUCCEEDED
    assert began + 30.0 <= taker.now <= began + 40.0
    taker.lease.close()


def test_a_step_that_the_other_one_ends_meanwhile_is_not_performed_again(stores: list[Store]) -> None:
    taker = Taker(stores[0], ELSEWHERE)
    taker.on_sleep = lambda: stores[1].journal.end_step(REF, ActionOutcome.FAILED, "no", 101.0)
    assert taker.perform() == ActionResult(ActionOutcome.FAILED, "no")
    assert taker.remedies.performed == []
    taker.lease.close()


def test_a_step_of_who_surely_died_is_finished_at_once(stores: list[Store], dead_instance: str) -> None:
    taker = Taker(stores[0], dead_instance)
    assert taker.perform().outcome is ActionOutcome.SUCCEEDED
    assert taker.now == 100.0
    taker.lease.close()


def test_only_one_finishes_what_was_begun(stores: list[Store]) -> None:
    taker = Taker(stores[0], ELSEWHERE)
    before = stores[0].journal.step(REF)
    assert before is not None
    stores[0].journal.begin_step_again(REF, before, "taker", 200.0)
    with pytest.raises(TakenOverError):
        stores[0].journal.begin_step_again(REF, before, "taker", 201.0)
    taker.lease.close()


@pytest.fixture
def dead_instance() -> str:
    """The name of a process of this machine that has ended."""
    place = new_instance().split("-")[0]
    return f"{place}-{2**22 + 1}-00000000"  # beyond what Linux gives to processes


def test_this_process_is_not_dead_and_others_may_not_be(dead_instance: str) -> None:
    assert not surely_dead(new_instance())
    assert not surely_dead(ELSEWHERE)
    assert surely_dead(dead_instance)


def test_what_is_decided_by_what_has_begun_is_decided_by_one_at_a_time(stores: list[Store]) -> None:
    stores[0].incidents.receive(make_incident(), 5.0)

    def begin_where_none_has(number: int) -> None:
        store = stores[number % 3]
        with store.database.exclusively("actions on shop"):
            if not store.journal.actions("INC-1"):
                store.journal.begin_action(
                    "INC-1", number, proposal(ActionKind.RESTART), risky=False, at=float(number)
                )

    at_once([lambda n=number: begin_where_none_has(n) for number in range(12)])
    assert len(stores[0].journal.actions("INC-1")) == 1


def test_the_size_of_the_store_is_that_of_its_database(stores: list[Store]) -> None:
    before = stores[0].database.size_bytes()
    for number in range(200):
        stores[0].incidents.receive(make_incident(f"INC-{number}"), 5.0)
    assert stores[1].database.size_bytes() > before > 1_000_000
