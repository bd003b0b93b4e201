"""Spans: windows by kind and peer, errors, examples."""

import pytest
from normalised import Bench
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_requests import T0, Attributes, gauge, metrics_request, span, traces_request

from detector.normalise import Normaliser
from detector.normalise.peer import peer_of
from detector.series import Origin, SeriesRegistry, SpanNotice, Stat

SERVER, CLIENT, INTERNAL = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL


@pytest.fixture
def bench() -> Bench:
    return Bench()


def send(bench: Bench, *spans: Span, at: float = T0) -> None:
    bench.normaliser.traces(traces_request(*spans), at)


def examples(bench: Bench, now: float) -> list[SpanNotice]:
    return list(bench.normaliser.flush(now).spans)


def test_a_window_of_server_spans(bench: Bench) -> None:
    send(bench, *(span(T0, duration=0.1 * (1 + i), error=i == 0) for i in range(4)))
    assert bench.flush(T0 + 1) == {
        "span.server:mean": [0.25],
        "span.server:p95": [0.385],
        "span.server:count_rate": [4.0],
        "span.server:error_ratio": [0.25],
    }
    assert {key.stat: key.unit for key in bench.registry.keys} == {
        Stat.MEAN: "s",
        Stat.P95: "s",
        Stat.COUNT_RATE: "{span}",
        Stat.ERROR_RATIO: "1",
    }
    assert {key.origin for key in bench.registry.keys} == {Origin.SPAN}


def test_spans_give_a_heartbeat_at_once_and_samples_only_when_their_window_closes(bench: Bench) -> None:
    normalised = bench.normaliser.traces(traces_request(span(T0)), T0)
    assert [beat.instance.name for beat in normalised.heartbeats] == ["shop-1"]
    assert len(normalised.samples) == 0


def test_a_known_kind_that_falls_silent_has_rate_zero_and_nothing_else(bench: Bench) -> None:
    send(bench, span(T0), span(T0, kind=CLIENT))
    bench.flush(T0 + 1)
    send(bench, span(T0 + 1.1), at=T0 + 1.1)
    silent = {name: values for name, values in bench.flush(T0 + 2).items() if "client" in name}
    assert silent == {"span.client:count_rate": [0.0]}


def test_silence_is_told_while_the_metrics_come(bench: Bench) -> None:
    send(bench, span(T0))
    bench.flush(T0 + 1)
    for second in range(1, 5):
        bench.metrics(metrics_request(gauge("up", 1, T0 + second)), T0 + second)
    assert bench.flush(T0 + 4) == {"span.server:count_rate": [0.0]}


@pytest.mark.parametrize(
    ("attributes", "failed"),
    [
        ({"http.response.status_code": 500}, True),
        ({"http.status_code": 503}, True),
        ({"http.response.status_code": 404}, False),
        ({"http.response.status_code": 99999}, False),
        ({"http.response.status_code": "no"}, False),
        ({}, False),
    ],
)
def test_http_status_codes_from_500_on_are_failures(
    bench: Bench, attributes: Attributes, failed: bool
) -> None:
    send(bench, span(T0, attributes=attributes))
    assert bench.flush(T0 + 1)["span.server:error_ratio"] == [float(failed)]


@pytest.mark.parametrize(
    ("attributes", "client", "peer"),
    [
        ({"server.address": "db", "server.port": "80"}, True, "db:80"),
        ({"server.address": "db"}, True, "db"),
        ({"net.peer.name": "db", "net.peer.port": "80"}, True, "db:80"),
        ({"peer.service": "payments"}, True, "payments"),
        ({"url.full": "https://u:p@api.example:8443/v1/users/17?x=1"}, True, "api.example:8443"),
        ({"url.full": "http://[broken"}, True, ""),
        (
            {"db.system.name": "postgresql", "db.namespace": "orders", "server.address": "x"},
            True,
            "postgresql/orders",
        ),
        ({"db.system": "sqlite"}, True, "sqlite"),
        ({"messaging.destination.name": "orders"}, False, "orders"),
        ({"messaging.destination.name": "tmp-17", "messaging.destination.temporary": "true"}, False, ""),
        ({}, True, ""),
    ],
)
def test_the_peer_of_a_call(attributes: dict[str, str], client: bool, peer: str) -> None:
    assert peer_of(attributes, client=client) == peer


def test_calls_to_a_database_have_a_kind_of_their_own(bench: Bench) -> None:
    attributes = {"db.system.name": "sqlite", "db.query.text": "select 1"}
    send(bench, span(T0, kind=CLIENT, attributes=attributes))
    assert "span.db{peer=sqlite}:mean" in bench.flush(T0 + 1)


def test_internal_unended_and_unknown_kinds_are_not_counted(bench: Bench) -> None:
    send(bench, span(T0, kind=INTERNAL), span(0.0, 0.0), span(T0, kind=99))
    assert bench.flush(T0 + 1) == {}


def test_a_span_that_ends_before_it_begins_has_no_duration(bench: Bench) -> None:
    send(bench, span(T0, duration=-5.0))
    assert bench.flush(T0 + 1)["span.server:mean"] == [0.0]


def test_examples_are_the_failed_and_the_slowest(bench: Bench) -> None:
    send(bench, *(span(T0, 0.01 * i, name=f"n{i}", error=i in (1, 2, 3)) for i in range(1, 9)))
    found = examples(bench, T0 + 1)
    assert [(each.name, each.error) for each in found] == [("n1", True), ("n2", True), ("n8", False)]
    assert found[0].trace_id == "01" * 16
    assert examples(bench, T0 + 2) == []


def test_peers_past_the_limit_fall_together() -> None:
    registry = SeriesRegistry()
    bench = Bench(Normaliser(registry, max_attribute_sets=2), registry)
    send(bench, *(span(T0, kind=CLIENT, attributes={"server.address": f"h{i}"}) for i in range(5)))
    rates = {name: values for name, values in bench.flush(T0 + 1).items() if name.endswith("count_rate")}
    assert rates == {
        "span.client{peer=h0}:count_rate": [1.0],
        "span.client{peer=h1}:count_rate": [1.0],
        "span.client{otel.metric.overflow=true}:count_rate": [3.0],
    }


def test_many_spans_of_a_window_are_all_counted(bench: Bench) -> None:
    send(bench, *(span(T0) for _ in range(5000)))
    assert bench.flush(T0 + 1)["span.server:count_rate"] == [5000.0]
