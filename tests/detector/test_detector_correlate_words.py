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
from detector.correlate.describe import observation, quantity, summary
from detector.correlate.gather import alarm, severity
from detector.incident import AnomalyReason, EvidenceKind, Forecast, IncidentType, Severity
from detector.series import Stat

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
