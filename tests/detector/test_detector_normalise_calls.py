"""Who calls whom, read from the spans of both sides."""

import pytest
from normalised import Bench
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_requests import T0, Attributes, resource, span, traces_request

from detector.incident import PeerKind
from detector.normalise.call_pairs import CallPairs
from detector.series import Calls, ServiceId

SERVER, CLIENT = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT
SHOP, ORDERS = ServiceId("", "shop"), ServiceId("", "orders")
ADDRESS: Attributes = {"server.address": "orders.internal", "server.port": 8080}
PEER = "orders.internal:8080"


def client(number: int = 1, **settings: object) -> Span:
    made: dict[str, object] = {"kind": CLIENT, "attributes": ADDRESS, **settings}
    return span(T0, span_id=number.to_bytes(8, "big"), **made)  # type: ignore[arg-type]  # a test's keywords


def server(parent: int = 1, **settings: object) -> Span:
    made: dict[str, object] = {"kind": SERVER, **settings}
    return span(T0, span_id=b"s" * 8, parent=parent.to_bytes(8, "big"), **made)  # type: ignore[arg-type]


def send(bench: Bench, service: str, *spans: Span, at: float = T0) -> None:
    bench.normaliser.traces(traces_request(*spans, of=resource(service, f"{service}-1")), at)


def calls(bench: Bench, now: float = T0 + 1) -> set[Calls]:
    return set(bench.normaliser.flush(now).calls)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("server_first", [False, True])
def test_both_spans_of_a_call_meet_in_any_order(bench: Bench, server_first: bool) -> None:
    sides = [("shop", client()), ("orders", server())]
    for service, one in reversed(sides) if server_first else sides:
        send(bench, service, one)
    assert calls(bench) == {
        Calls(SHOP, PEER, PeerKind.SERVICE, ORDERS, 1, 0),
        Calls(SHOP, PEER, PeerKind.SERVICE, None, 1, 0),
    }


@pytest.mark.parametrize("client_fails", [False, True])
@pytest.mark.parametrize("server_fails", [False, True])
def test_a_call_fails_as_either_side_sees_it(bench: Bench, client_fails: bool, server_fails: bool) -> None:
    send(bench, "orders", server(error=server_fails))
    send(bench, "shop", client(error=client_fails))
    paired = next(one for one in calls(bench) if one.callee == ORDERS)
    assert paired.failed == (client_fails or server_fails)


def test_calls_that_reach_nobody_count_by_the_address_alone(bench: Bench) -> None:
    send(bench, "shop", *(client(number, error=True) for number in range(3)))
    assert calls(bench) == {Calls(SHOP, PEER, PeerKind.SERVICE, None, 3, 3)}


def test_a_call_without_an_address_counts_by_its_pair(bench: Bench) -> None:
    send(bench, "shop", client(attributes={}))
    send(bench, "orders", server())
    assert calls(bench) == {Calls(SHOP, "", PeerKind.SERVICE, ORDERS, 1, 0)}


@pytest.mark.parametrize(
    ("kind", "attributes", "peer", "of"),
    [
        (CLIENT, {"db.system.name": "postgresql", "db.namespace": "shop"}, "postgresql/shop", "database"),
        (Span.SPAN_KIND_PRODUCER, {"messaging.destination.name": "mail"}, "mail", "queue"),
        (CLIENT, {"service.peer.name": "rates"}, "rates", "service"),
    ],
)
def test_databases_and_queues_are_told_from_services(
    bench: Bench, kind: Span.SpanKind.ValueType, attributes: Attributes, peer: str, of: str
) -> None:
    send(bench, "shop", span(T0, kind=kind, attributes=attributes))
    assert calls(bench) == {Calls(SHOP, peer, PeerKind(of), None, 1, 0)}


def test_spans_of_other_traces_are_no_pair(bench: Bench) -> None:
    send(bench, "shop", client(trace_id=b"\x05" * 16))
    send(bench, "orders", server(trace_id=b"\x06" * 16))
    assert {one.callee for one in calls(bench)} == {None}


@pytest.mark.parametrize("wait_s", [31.0, 600.0])
def test_a_span_does_not_wait_for_ever(wait_s: float) -> None:
    pairs = CallPairs(patience_s=15.0)
    pairs.sent(client(), SHOP, PEER, PeerKind.SERVICE, False)
    assert list(pairs.take(T0)) == []
    assert list(pairs.take(T0 + wait_s / 2)) == []
    assert list(pairs.take(T0 + wait_s)) == []
    pairs.received(server(), ORDERS, False)
    assert list(pairs.take(T0 + wait_s + 1)) == []


def test_so_many_wait_at_most() -> None:
    pairs = CallPairs(room=10)
    for number in range(100):
        pairs.sent(client(number), SHOP, PEER, PeerKind.SERVICE, False)
    for number in range(100):
        pairs.received(server(number), ORDERS, False)
    (found,) = pairs.take(T0)
    assert 10 <= found.count <= 20


def test_of_very_many_spans_some_traces_are_paired_and_stand_for_all() -> None:
    pairs, traces = CallPairs(), [bytes(15) + bytes([n % 256]) for n in range(2048)]
    for turn in (0, 1):
        list(pairs.take(T0 + turn))
        for trace in traces:
            pairs.sent(client(trace_id=trace), SHOP, PEER, PeerKind.SERVICE, False)
            pairs.received(server(trace_id=trace), ORDERS, True)
    assert list(pairs.take(T0 + 2)) == [Calls(SHOP, PEER, PeerKind.SERVICE, ORDERS, 2048, 2048)]
