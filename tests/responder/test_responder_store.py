"""The store: reports in, states, journal, pages, and errors that say what to do."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_doubles import TRACEPARENT, make_evidence, make_incident, proposal
from sqlalchemy import insert

from detector import Incident, IncidentState
from responder.incident_record import ActionKind, ActionOutcome, PipelineState
from responder.store import Alert, Database, Receipt, StepRef, Store, StoreUnusableError
from responder.store.schema import instances

SETTING = "AEGISOPS_RESPONDER_DATA_DIR"


def open_store(path: Path) -> Store:
    return open_database(f"sqlite:///{path}")


def open_database(url: str) -> Store:
    database = Database(url, SETTING)
    database.open()
    return Store.over(database)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = open_database(database_url)
    with store.database.write() as tx:
        tx.execute(insert(instances), [{"id": one, "started_at": 1.0} for one in ("one", "two")])
    yield store
    store.database.close()


def alert(id_: str = "alert-1", service: str = "shop") -> Alert:
    evidence = replace(make_evidence(f"alert:{id_}", service), description="somebody rang")
    incident = replace(make_incident(id_, revision=0, service=service), evidence=(evidence,))
    return Alert(replace(incident, traceparent=TRACEPARENT.replace("0af7", "1111")))


def received(store: Store, alert: Alert, at: float) -> Receipt:
    receipt = store.alerts.receive_one(alert, at)
    assert receipt is not None
    return receipt


def get(store: Store, incident_id: str) -> Incident:
    row = store.incidents.get(incident_id)
    assert row is not None
    return row.incident


def test_what_is_received_is_given_back_whole(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    row = store.incidents.get("INC-1")
    assert row is not None
    assert row.incident == make_incident()
    assert (row.state, row.received_at, row.source) == (PipelineState.RECEIVED, 5.0, "detector")


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\N{PILE OF POO}"])
def test_no_text_keeps_an_incident_out(store: Store, text: str) -> None:
    store.incidents.receive(replace(make_incident(), summary=text), 5.0)
    store.journal.begin_action("INC-1", 1, proposal(ActionKind.RESTART), risky=False, at=5.0)
    store.journal.end_action("INC-1", 1, ActionOutcome.FAILED, text, at=6.0)
    record = store.records.get("INC-1")
    assert record is not None
    assert record.incident.summary == text
    assert record.timeline[0].message.startswith("Received from detector: ")
    assert record.actions[0].detail[0] == text[0]


def test_the_same_revision_again_changes_nothing(store: Store) -> None:
    assert store.incidents.receive(make_incident(), 5.0).created
    again = store.incidents.receive(make_incident(), 9.0)
    assert (again.created, again.changed) == (False, False)
    record = store.records.get("INC-1")
    assert record is not None
    assert len(record.timeline) == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(revisions=st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_in_whatever_order_revisions_come_the_highest_stays(store: Store, revisions: list[int]) -> None:
    id_ = f"INC-{store.incidents.page(1, 0).total}"
    for revision in revisions:
        store.incidents.receive(replace(make_incident(id_, revision), summary=str(revision)), 5.0)
    assert get(store, id_).summary == str(max(revisions))


def test_an_alert_joins_the_unfinished_incident_of_its_service(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    receipt = received(store, alert(), 6.0)
    assert receipt.incident_id == "INC-1"
    assert [one.id for one in get(store, "INC-1").evidence] == ["e1", "alert:alert-1"]
    assert get(store, "alert-1").id == "INC-1"
    assert store.incidents.page(10, 0).total == 1


def test_what_an_alert_added_stays_when_the_detector_reports_again(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    received(store, alert(), 6.0)
    store.incidents.receive(make_incident(revision=2), 7.0)
    assert "alert:alert-1" in [one.id for one in get(store, "INC-1").evidence]


def test_an_alert_does_not_join_an_incident_that_ended(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    store.timeline.move("INC-1", PipelineState.RESOLVED, "over", key="end", at=6.0)
    assert received(store, alert(), 7.0).incident_id == "alert-1"


def test_an_alert_of_another_service_is_another_incident(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    assert received(store, alert(service="bank"), 6.0).created


def test_a_repeated_alert_is_known(store: Store) -> None:
    assert received(store, alert(), 5.0).created
    again = received(store, alert(), 6.0)
    assert (again.created, again.changed) == (False, False)


def test_a_detection_after_the_alert_is_the_same_incident_and_keeps_its_trace(store: Store) -> None:
    received(store, alert(), 5.0)
    receipt = store.incidents.receive(make_incident(), 6.0)
    assert (receipt.incident_id, receipt.created, receipt.changed) == ("alert-1", False, True)
    row = store.incidents.get("INC-1")
    assert row is not None
    assert row.incident.id == "alert-1"
    assert row.detector_id == "INC-1"
    assert row.incident.traceparent == alert().incident.traceparent
    assert {one.id for one in row.incident.evidence} == {"e1", "alert:alert-1"}
    assert not store.incidents.receive(make_incident(), 7.0).changed


def test_alerts_of_one_incident_are_bounded(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    for i in range(60):
        received(store, alert(f"alert-{i}"), 6.0)
    assert len(get(store, "INC-1").evidence) == 51
    assert get(store, "alert-59").id == "INC-1"


def test_the_closing_of_an_incident_is_on_its_timeline(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    store.incidents.receive(make_incident(revision=2, state=IncidentState.CLOSED), 6.0)
    row, record = store.incidents.get("INC-1"), store.records.get("INC-1")
    assert row is not None
    assert row.over
    assert record is not None
    assert "over" in record.timeline[-1].message


def test_a_move_is_made_once_for_its_key(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    move = store.timeline.move("INC-1", PipelineState.ANALYSING, "looking", key="a", at=7.5)
    assert move is not None
    assert (move.before, move.seconds) == (PipelineState.RECEIVED, 2.5)
    assert store.timeline.move("INC-1", PipelineState.ANALYSING, "looking", key="a", at=8.0) is None


def test_a_final_state_is_never_left(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    store.timeline.move("INC-1", PipelineState.ESCALATED, "help", key="end", at=6.0)
    assert store.timeline.move("INC-1", PipelineState.RESOLVED, "done", key="b", at=7.0) is None
    row = store.incidents.get("INC-1")
    assert row is not None
    assert row.state is PipelineState.ESCALATED


def test_events_of_all_incidents_are_in_one_order_that_can_be_resumed(store: Store) -> None:
    store.incidents.receive(make_incident("A"), 5.0)
    store.incidents.receive(make_incident("B"), 6.0)
    store.timeline.move("A", PipelineState.ANALYSING, "looking", key="a", at=7.0)
    events = store.timeline.after(0, 10)
    assert [one.incident_id for one in events] == ["A", "B", "A"]
    assert store.timeline.after(events[1].cursor, 10) == events[2:]
    assert [one.event.seq for one in store.timeline.after(0, 10, "A")] == [1, 2]


def test_pages_are_newest_first_filtered_and_counted(store: Store) -> None:
    for i in range(5):
        store.incidents.receive(make_incident(f"INC-{i}", service="shop" if i % 2 else "bank"), float(i))
    store.timeline.move("INC-3", PipelineState.ANALYSING, "looking", key="a", at=9.0)
    page = store.incidents.page(2, 1)
    assert [one.incident.id for one in page.items] == ["INC-3", "INC-2"]
    assert page.total == 5
    assert store.incidents.page(9, 0, service="shop").total == 2
    assert store.incidents.page(9, 0, state=PipelineState.ANALYSING).total == 1


def test_recent_actions_are_those_of_other_incidents_on_the_target(store: Store) -> None:
    for i in (1, 2):
        store.incidents.receive(make_incident(f"INC-{i}"), 5.0)
        store.journal.begin_action(f"INC-{i}", 1, proposal(ActionKind.RESTART), risky=False, at=100.0 * i)
    assert [one.started_at for one in store.journal.recent_actions("shop", "INC-2", 0.0, 9)] == [100.0]
    assert store.journal.recent_actions("shop", "INC-2", 150.0, 9) == ()
    assert store.journal.recent_actions("bank", "INC-2", 0.0, 9) == ()


def test_the_journal_tells_what_stood_there_before(store: Store) -> None:
    store.incidents.receive(make_incident(), 5.0)
    ref = StepRef("INC-1", 1, 0)
    assert store.journal.begin_step(ref, {"pid": "7"}, "one", 5.0) is None
    before = store.journal.begin_step(ref, {"pid": "8"}, "two", 6.0)
    assert before is not None
    assert (before.outcome, before.prior) == (ActionOutcome.STARTED, {"pid": "7"})


def test_runbook_documents_are_replaced_by_id(store: Store) -> None:
    store.runbook.put({"a": {"n": 1}, "b": {"n": 2}}, 1.0)
    store.runbook.put({"b": {"n": 3}}, 3.0)
    assert store.runbook.versions() == {"a": 1.0, "b": 3.0}
    assert store.runbook.load(["a", "b", "c"]) == {"a": {"n": 1}, "b": {"n": 3}}


def test_runbook_rows_change_all_together_or_not_at_all(store: Store) -> None:
    store.runbook.put({"a": {"n": 1}}, 1.0)

    def fail(_: object) -> None:
        raise RuntimeError("the trail is full")

    with pytest.raises(RuntimeError):
        store.runbook.put({"b": {"n": 2}}, 2.0, without=["a"], also=fail)
    assert store.runbook.versions() == {"a": 1.0}
    store.runbook.put({"b": {"n": 2}}, 2.0, without=["a"])
    assert store.runbook.versions() == {"b": 2.0}


def test_everything_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "responder.db"
    first = open_store(path)
    first.incidents.receive(make_incident(), 5.0)
    first.database.close()
    second = open_store(path)
    assert get(second, "INC-1") == make_incident()
    second.database.close()


def test_a_damaged_file_is_named_with_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "responder.db"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreUnusableError, match=f"{path}.*damaged.*{SETTING}"):
        open_store(path)


def test_a_locked_file_is_named_with_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("responder.store.sqlite.START_BUSY_TIMEOUT_MS", 50)
    path = tmp_path / "responder.db"
    open_store(path).database.close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreUnusableError, match=f"{path}.*locked.*{SETTING}"):
            open_store(path)
    finally:
        holder.close()


def test_a_second_responder_on_the_same_file_is_refused(tmp_path: Path) -> None:
    first = open_store(tmp_path / "responder.db")
    with pytest.raises(StoreUnusableError, match=f"Another responder.*{SETTING}"):
        open_store(tmp_path / "responder.db")
    first.database.close()
    open_store(tmp_path / "responder.db").database.close()


def test_a_place_that_cannot_be_a_directory_is_named_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusableError, match=f"{tmp_path / 'file'}.*{SETTING}"):
        open_store(tmp_path / "file" / "responder.db")


def test_an_unwritable_directory_is_named_with_the_setting() -> None:
    # Permissions do not stop root; the kernel's own directory stops everybody.
    with pytest.raises(StoreUnusableError, match=f"directory /proc/self is not writable.*{SETTING}"):
        open_store(Path("/proc/self/responder.db"))
