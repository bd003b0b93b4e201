"""The call graph, and the neighbours of a service by it."""

import numpy as np
from synthetic_service import START, Observation, steady

from detector.correlate.call_graph import CallGraph, Edge
from detector.incident import Neighbour, PeerKind
from detector.series import Calls, Normalised, Samples, ServiceId

SHOP, ORDERS, RATES = (ServiceId("", name) for name in ("shop", "orders", "rates"))
SERVICE, DATABASE = PeerKind.SERVICE, PeerKind.DATABASE


def graph(*known: ServiceId, **bounds: int) -> CallGraph:
    return CallGraph(known.__contains__, **bounds)  # type: ignore[arg-type]  # a test's own keywords


def by_address(
    count: int = 10, failed: int = 0, caller: ServiceId = SHOP, peer: str = "10.0.0.1:80"
) -> Calls:
    return Calls(caller, peer, SERVICE, None, count, failed)


def answered(by: ServiceId, count: int = 1, failed: int = 0, peer: str = "10.0.0.1:80") -> Calls:
    return Calls(SHOP, peer, SERVICE, by, count, failed)


def ends(edges: list[Edge]) -> list[tuple[str, int, int]]:
    return [(edge.callee.name if edge.callee else edge.peer, edge.calls, edge.failed) for edge in edges]


def test_one_pair_tells_who_answers_all_calls_to_an_address() -> None:
    calls = graph()
    calls.add([answered(ORDERS), by_address(10, 4)], START)
    assert ends(calls.callees(SHOP, START)) == [("orders", 10, 4)]
    assert calls.callers(ORDERS, START) == calls.callees(SHOP, START)


def test_a_service_that_answers_no_more_is_still_the_one_that_is_called() -> None:
    calls = graph()
    calls.add([answered(ORDERS), by_address(10)], START)
    calls.add([by_address(20, 20)], START + 300)
    assert ends(calls.callees(SHOP, START + 300)) == [("orders", 20, 20)]


def test_behind_a_gateway_each_service_has_the_calls_it_was_seen_to_answer() -> None:
    calls = graph()
    calls.add([answered(ORDERS, 6), answered(RATES, 3, 1), by_address(10, 2)], START)
    assert ends(calls.callees(SHOP, START)) == [("10.0.0.1:80", 10, 2), ("orders", 6, 0), ("rates", 3, 1)]
    assert ends(calls.callers(RATES, START)) == [("rates", 3, 1)]


def test_two_addresses_of_one_service_are_one_neighbour() -> None:
    calls = graph()
    for peer in ("10.0.0.1:80", "10.0.0.2:80"):
        calls.add([answered(ORDERS, peer=peer), by_address(10, 1, peer=peer)], START)
    assert ends(calls.callees(SHOP, START)) == [("orders", 20, 2)]


def test_an_address_that_is_the_name_of_a_service_is_that_service() -> None:
    calls = graph(ORDERS)
    calls.add([by_address(peer="orders:8080"), by_address(5, peer="orders.example:8080")], START)
    assert ends(calls.callees(SHOP, START)) == [("orders", 10, 0), ("orders.example:8080", 5, 0)]
    assert ends(calls.callers(ORDERS, START)) == [("orders", 10, 0)]


def test_only_the_last_minute_counts() -> None:
    calls = graph()
    for second in range(0, 200, 5):
        calls.add([by_address(1, second < 100)], START + second)
    assert ends(calls.callees(SHOP, START + 199)) == [("10.0.0.1:80", 12, 0)]
    assert ends(calls.callees(SHOP, START + 400)) == [("10.0.0.1:80", 0, 0)]


def test_what_is_called_no_more_is_forgotten() -> None:
    calls = graph()
    calls.add([by_address()], START)
    calls.sweep(START + 800)
    assert len(calls) == 1
    calls.sweep(START + 1000)
    assert calls.callees(SHOP, START + 1000) == []
    assert len(calls) == 0


def test_it_is_bounded_whatever_is_called() -> None:
    calls = graph(max_called=50, max_peers=20, max_behind=3)
    for n in range(1000):
        calls.add([by_address(peer=f"{n}:80"), answered(ServiceId("", str(n)), peer="0:80")], START + n)
    assert len(calls) == 20
    assert len(calls.callees(SHOP, START + 1000)) <= 20 + 3
    for n in range(1000):
        calls.add([by_address(caller=ServiceId("", f"caller-{n}"))], START + 1000 + n)
    assert len(calls) == 50


def test_a_service_is_not_its_own_neighbour() -> None:
    calls = graph()
    calls.add([answered(SHOP), by_address()], START)
    assert calls.callees(SHOP, START) == calls.callers(SHOP, START) == []


def hear(watched: Observation, *calls: Calls) -> None:
    none = np.zeros(0, dtype=np.int64)
    batch = Normalised(Samples(none, none, np.zeros(0), np.zeros(0)), calls=calls)
    watched.engine.ingest(batch, watched.now)


def test_the_neighbours_of_a_service_say_who_is_in_an_incident() -> None:
    watched = Observation()
    watched.service()
    orders = watched.service(name="orders", seed=2)
    watched.pass_time(30)
    orders.override = {"errors": steady(0.7)}
    watched.pass_time(5)
    database = Calls(SHOP, "postgresql/shop", DATABASE, None, 90, 0)
    hear(watched, database, answered(ORDERS), by_address(30, 20))
    found = watched.engine.neighbours("shop", None, watched.now)
    assert found is not None
    assert found.callees == (
        Neighbour("orders", "", SERVICE, True, 30, 20, watched.now, True, watched.latest[0].id),
        Neighbour("postgresql/shop", "", DATABASE, False, 90, 0, watched.now),
    )
    callers = watched.engine.neighbours("orders", "", watched.now)
    assert callers is not None
    assert [(one.name, one.open_incident) for one in callers.callers] == [("shop", None)]


def test_a_service_that_was_never_heard_has_no_neighbours() -> None:
    watched = Observation()
    watched.service()
    watched.pass_time(2)
    assert watched.engine.neighbours("shop", "prod", watched.now) is None
    assert watched.engine.neighbours("who", None, watched.now) is None
