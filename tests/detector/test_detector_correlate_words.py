"""What people read: numbers with units, and how evidence adds up."""

import doctest
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import detector.correlate.describe
import detector.score.probability
from detector.classify.meaning import Signal
from detector.correlate.anomaly import Anomaly
from detector.correlate.describe import clipped, observation, quantity, series_label, summary
from detector.correlate.gather import alarm, severity
from detector.incident import AnomalyReason, EvidenceKind, Forecast, IncidentType, Severity
from detector.series import Origin, SeriesKey, ServiceId, Stat

LATENCY = Anomaly(
    key=1,
    kind=EvidenceKind.SPAN,
    signal=Signal.CLIENT_LATENCY,
    reason=AnomalyReason.ABOVE_NORMAL,
    series="span.client:mean",
    name="span.client",
    stat=Stat.MEAN,
    unit="s",
    weight=0.7,
    score=1.0,
    first_seen=0.0,
    last_seen=2.0,
    heard_at=2.0,
    noticed_at=1.0,
    before=0.005,
    now=1.2,
    high=0.1,
)


@pytest.mark.parametrize("module", [detector.correlate.describe, detector.score.probability])
def test_examples_in_docstrings_hold(module) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("value", "unit", "stat", "signal", "text"),
    [
        (0.93, "1", Stat.SHARE, Signal.MEMORY, "93 %"),
        (0.5, "1", Stat.VALUE, Signal.CPU, "50 %"),
        (97.0, "%", Stat.VALUE, Signal.CPU, "97 %"),
        (1.5, "s", Stat.RATE, Signal.CPU, "1.5 cores"),
        (1234.0, "ms", Stat.MEAN, Signal.SERVER_LATENCY, "1.2 s"),
        (150e6, "By", Stat.VALUE, Signal.MEMORY, "150 MB"),
        (3.0, "", Stat.RATE, Signal.DB_POOL, "3/s"),
        (12.0, "{file}", Stat.VALUE, Signal.QUEUE, "12 file"),
        (7200.0, "s", Stat.MEAN, Signal.OTHER, "2 h"),
    ],
)
def test_quantities_are_written_as_people_do(value, unit, stat, signal, text) -> None:
    assert quantity(value, unit, stat, signal) == text


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(list(Stat)),
    st.sampled_from(list(Signal)),
)
def test_any_quantity_can_be_written(value, unit, stat, signal) -> None:
    assert quantity(value, unit, stat, signal)


def test_an_observation_says_what_how_much_and_what_is_usual() -> None:
    text = observation(LATENCY)
    assert text == "calls to other services (span.client:mean) at 1.2 s, usually 5 ms (normal up to 100 ms)"


def test_a_summary_is_one_sentence_with_the_cause_and_its_numbers() -> None:
    text = summary("shop", IncidentType.NETWORK_LATENCY, [LATENCY])
    assert text == "Calls from shop to what it depends on are slow: 1.2 s, usually 5 ms."


def test_a_forecast_is_in_the_summary() -> None:
    leak = replace(
        LATENCY,
        signal=Signal.MEMORY,
        stat=Stat.SHARE,
        before=0.3,
        now=0.6,
        forecast=Forecast("m", "1", 0.6, 1.0, 42.0, 44.0),
    )
    text = summary("shop", IncidentType.MEMORY_OOM, [leak])
    assert "60 % of the limit, usually 30 %" in text
    assert "reached in 42 s" in text


@pytest.mark.parametrize("kind", list(IncidentType))
def test_every_type_has_a_sentence_even_without_its_evidence(kind) -> None:
    assert summary("shop", kind, []).endswith(".")


def test_distinct_signals_add_up_and_attributes_of_one_metric_do_not() -> None:
    one = alarm([LATENCY])
    assert alarm([LATENCY, replace(LATENCY, key=2)]) == one
    assert alarm([LATENCY, replace(LATENCY, key=2, name="http.client.request.duration")]) > one
    assert alarm([LATENCY, replace(LATENCY, key=2, signal=Signal.SERVER_LATENCY)]) > one


def test_what_lasts_weighs_more() -> None:
    assert alarm([replace(LATENCY, count=20, needed=2)]) > alarm([LATENCY])


def test_severity_follows_what_users_feel() -> None:
    failing = replace(LATENCY, signal=Signal.ERROR_RATIO, weight=0.8, now=0.5)
    slow = replace(LATENCY, signal=Signal.SERVER_LATENCY)
    assert severity([LATENCY]) is Severity.MEDIUM
    assert severity([LATENCY, slow]) is Severity.HIGH
    assert severity([LATENCY, slow, failing]) is Severity.CRITICAL


@pytest.mark.parametrize(
    ("text", "most", "quoted"),
    [
        ("short", 10, "short"),
        ("Input should be a valid integer", 10, "Input…"),
        ("Input should be a valid integer", 13, "Input should…"),
        ("x" * 30, 10, "x" * 9 + "…"),
        ("a " + "x" * 30, 10, "a " + "x" * 7 + "…"),
    ],
)
def test_what_is_quoted_is_cut_at_a_word(text, most, quoted) -> None:
    assert clipped(text, most) == quoted


@given(st.text(max_size=60), st.integers(1, 50))
def test_a_quotation_is_never_longer_than_asked_for(text, most) -> None:
    assert len(clipped(text, most)) <= most


def test_last_words_in_a_summary_are_cut_at_a_word() -> None:
    crash = replace(
        LATENCY, signal=Signal.RESTARTS, stat=None, detail="2 restarts", log_lines=["oh dear " * 40]
    )
    text = summary("shop", IncidentType.POD_CRASH_LOOP, [crash])
    assert text.endswith('oh dear…".')


@pytest.mark.parametrize(
    ("name", "stat", "attributes", "label"),
    [
        ("process.cpu.utilization", Stat.VALUE, {}, "process.cpu.utilization"),
        ("span.client", Stat.P95, {"peer": "pay"}, "span.client p95, pay"),
        ("disk", Stat.SHARE, {"system.device": "sda1", "system.filesystem.mountpoint": "/var"}, "disk, /var"),
        (
            "http.server.request.duration",
            Stat.COUNT_RATE,
            {
                "http.request.method": "GET",
                "http.response.status_code": "503",
                "http.route": "/orders",
                "network.protocol.version": "1.1",
                "url.scheme": "http",
            },
            "http.server.request.duration rate, GET /orders 503",
        ),
        ("queue.length", Stat.VALUE, {"a": "1", "b": "2"}, "queue.length"),
        ("queue.length", Stat.VALUE, {"kind": "v" * 100}, "queue.length, " + "v" * 39 + "…"),
    ],
)
def test_a_series_is_named_by_its_metric_and_what_tells_it_apart(name, stat, attributes, label) -> None:
    pairs = tuple(sorted(attributes.items()))
    assert series_label(SeriesKey(ServiceId("", "shop"), name, stat, "1", Origin.METRIC, pairs)) == label


def test_an_observation_names_its_series_in_short() -> None:
    text = observation(
        replace(LATENCY, series="span.client{peer=pay,x=y}:mean", label="span.client mean, pay")
    )
    assert text.startswith("calls to other services (span.client mean, pay) at 1.2 s")
