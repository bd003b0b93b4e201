"""The outbox of notifications on every kind of database: each is claimed by one, and none is left."""

from concurrent.futures import ThreadPoolExecutor

from pipeline_doubles import make_incident

from responder.incident_record import PipelineState
from responder.store import Database, Delivery, Notification, Store

INCIDENTS = 12


def claimed(store: Store, now: float) -> list[Notification]:
    """All that one of several can get."""
    claims = []
    while (one := store.notifications.claim("team", now, now + 15)) is not None:
        claims.append(one)
    return claims


def test_of_several_that_claim_at_once_one_gets_each(database_url: str) -> None:
    database = Database(database_url, "AEGISOPS_RESPONDER_DATABASE_URL")
    database.open()
    store = Store.over(database, {PipelineState.ESCALATED: ("team",)})
    ids = [f"INC-{number}" for number in range(INCIDENTS)]
    for id_ in ids:
        store.incidents.receive(make_incident(id_), 1000.0)
        store.timeline.move(id_, PipelineState.ESCALATED, "a human is needed", key="end", at=1001.0)
    with ThreadPoolExecutor(4) as pool:
        claims = [one for got in pool.map(lambda _: claimed(store, 1001.0), range(4)) for one in got]
    # Whoever finds the row it looked for taken by another gives up for now: the rest is still due.
    claims += claimed(store, 1001.0)
    assert sorted(one.incident_id for one in claims) == sorted(ids)
    assert {one.tries for one in claims} == {1}
    for one in claims[1:]:
        store.notifications.settle(one, Delivery.DELIVERED, 1002.0)
    again = claimed(store, 1016.0)
    assert [(one.incident_id, one.tries) for one in again] == [(claims[0].incident_id, 2)]
    database.close()
