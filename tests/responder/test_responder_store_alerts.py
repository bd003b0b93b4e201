"""Alerts in the store, on each kind of database: at once, in one piece, and once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pipeline_doubles import make_incident

from responder.store import Alert, Database, ReplayedError, Store, WebhookCall


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    database = Database(database_url, "AEGISOPS_RESPONDER_DATABASE_URL")
    database.open()
    yield Store.over(database)
    database.close()


class BrokenError(RuntimeError):
    pass


class BrokenAlert(Alert):
    @property
    def digest(self) -> str:
        raise BrokenError


def alert(id_: str, *, firing: bool = True, service: str = "shop") -> Alert:
    return Alert(make_incident(id_, revision=0, service=service), "alertmanager", id_, firing)


def test_alerts_and_detections_at_once_are_one_incident(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        alerts = [pool.submit(store.alerts.receive_one, alert(f"a{i}"), 5.0) for i in range(12)]
        detections = [pool.submit(store.incidents.receive, make_incident(), 5.0) for _ in range(4)]
        for one in (*alerts, *detections):
            one.result()
    assert store.incidents.page(10, 0).total == 1


def test_a_call_at_once_from_two_sides_is_taken_in_once(store: Store) -> None:
    call = WebhookCall("grafana", "one", 900.0)

    def send(_: int) -> bool:
        try:
            store.alerts.receive([alert("a")], 5.0, call)
        except ReplayedError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, range(4))) == [False, False, False, True]


def test_the_same_id_of_two_sources_is_two_calls(store: Store) -> None:
    for source in ("grafana", "pagerduty"):
        store.alerts.receive([], 5.0, WebhookCall(source, "one", 900.0))
    with pytest.raises(ReplayedError):
        store.alerts.receive([], 6.0, WebhookCall("grafana", "one", 900.0))
    store.alerts.receive([], 901.0, WebhookCall("grafana", "one", 1800.0))


def test_a_call_is_taken_in_whole_or_not_at_all(store: Store) -> None:
    call = WebhookCall("grafana", "one", 900.0)
    broken = BrokenAlert(make_incident("b", revision=0))
    with pytest.raises(BrokenError):
        store.alerts.receive([alert("a"), broken], 5.0, call)
    assert store.incidents.page(10, 0).total == 0
    assert store.alerts.receive([alert("a")], 6.0, call)[0] is not None


def test_a_large_call_that_fails_half_way_may_come_again_and_changes_nothing_twice(store: Store) -> None:
    call = WebhookCall("grafana", "one", 900.0)
    good = [alert(f"a{i}") for i in range(60)]
    with pytest.raises(BrokenError):
        store.alerts.receive([*good, BrokenAlert(make_incident("b", revision=0))], 5.0, call)
    again = store.alerts.receive(good, 6.0, call)
    assert [one.changed for one in again if one is not None] == [False] * 50 + [True] * 10
    assert store.incidents.page(10, 0).total == 1
    with pytest.raises(ReplayedError):
        store.alerts.receive(good, 7.0, call)


def test_an_id_with_half_characters_is_an_id_like_any_other(store: Store) -> None:
    call = WebhookCall("simple", "\ud800", 900.0)
    store.alerts.receive([], 5.0, call)
    with pytest.raises(ReplayedError):
        store.alerts.receive([], 5.0, call)


def test_ids_of_further_episodes_do_not_meet_those_of_others(store: Store) -> None:
    first = store.alerts.receive_one(alert("a"), 5.0)
    assert first is not None
    store.alerts.receive_one(alert("a~2", service="bank"), 6.0)
    store.alerts.receive_one(alert("a", firing=False), 7.0)
    again = store.alerts.receive_one(alert("a"), 8.0)
    assert again is not None
    assert again.incident_id == "a~3"
    row = store.incidents.get("a~3")
    assert row is not None
    assert row.incident.previous_id == "a"
