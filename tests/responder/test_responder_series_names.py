"""Series and numbers in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.quantity import amount, times
from responder.series_name import series_name


@pytest.mark.parametrize(
    ("series", "signal", "name"),
    [
        (
            "http.client.request.duration{http.request.method=GET,server.address=10.0.0.7,server.port=8011}:p95",
            "client_latency",
            "client latency to 10.0.0.7:8011",
        ),
        ("span.client{peer=127.0.0.1:8011}:mean", "client_latency", "client latency to 127.0.0.1:8011"),
        ("span.client:error_ratio", "network_errors", "failing client calls"),
        (
            "http.server.request.duration{http.request.method=GET,http.route=/orders/{id}}:p95",
            "server_latency",
            "server latency of /orders/{id}",
        ),
        ("process.memory.usage:share", "memory", "memory use"),
        ("system.filesystem.usage{system.filesystem.mountpoint=/data}:share", "disk", "disk use of /data"),
        (
            "db.client.connection.timeouts{db.client.connection.pool.name=orders}:rate",
            "db_pool",
            "checkout time-outs of pool orders",
        ),
        (
            "db.client.connection.pending_requests{db.client.connection.pool.name=orders}:value",
            "db_pool",
            "requests waiting for a connection of pool orders",
        ),
        ("db.client.connection.count{state=used}:share", "db_pool", "connections in use"),
        ("db.client.connections.usage{state=used}:value", "db_pool", "connections in use"),
        ("hikaricp.pool:value", "db_pool", "use of the connection pool"),
        ("lifecycle.restarts", "restarts", "restarts"),
        ("lifecycle.fatal_log", "restarts", "fatal log lines"),
        ("lifecycle.silence", "silence", "silence"),
        ("jobs.queue.length{queue=mail}:value", "queue", "jobs.queue.length of mail"),
        ("orders.total:rate", "other", "orders.total"),
        ("error_ratio", "error_ratio", "failing requests"),
    ],
)
def test_a_series_has_the_name_people_know_it_by(series: str, signal: str, name: str) -> None:
    assert series_name(series, signal) == name


@given(st.text(), st.sampled_from(["client_latency", "db_pool", "disk", "queue", "other", "restarts"]))
def test_any_series_has_a_short_name_on_one_line(series: str, signal: str) -> None:
    for text in (series, f"m{{peer={series},device={series}}}:mean"):
        shown = series_name(text, signal)
        assert 0 < len(shown) <= 80
        assert shown.isprintable()


@pytest.mark.parametrize(
    ("value", "unit", "series", "shown"),
    [
        (1.2134, "s", "a:mean", "1.21 s"),
        (0.00607, "s", "a:mean", "6.1 ms"),
        (0.4119, "s", "a:p95", "412 ms"),
        (340, "ms", "a:p95", "340 ms"),
        (0.783, "1", "a:share", "78.3 %"),
        (7.94, "{timeout}", "a:rate", "7.94 per second"),
        (0.0, "1", "a:rate", "0 per second"),
        (1.2e9, "By", "a:value", "1.2 GB"),
        (float("nan"), "s", "a:mean", "an unknown value"),
    ],
)
def test_an_amount_reads_as_people_write_it(value: float, unit: str, series: str, shown: str) -> None:
    assert amount(value, unit, series) == shown


def test_how_often_in_words() -> None:
    assert [times(n) for n in range(4)] == ["never", "once", "twice", "3 times"]
