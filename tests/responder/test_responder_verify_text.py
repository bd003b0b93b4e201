"""What a verification says: names, what changed, what is still wrong and by how much."""

from dataclasses import replace

import pytest
from decision_samples import evidence, restarts, silence
from hypothesis import given
from hypothesis import strategies as st
from scripted_detector import ACTED_AT, health

from detector import AnomalyReason, Evidence, SeriesHealth
from responder.verify.health_text import HealthText

AT = ACTED_AT + 12
CLIENT = "http.client.request.duration{server.address=127.0.0.1,server.port=8011}:p95"
SPANS = "span.client{peer=127.0.0.1:8011}:mean"
SERVER = "http.server.request.duration:p95"


def text(*pieces: Evidence) -> HealthText:
    return HealthText(pieces, ACTED_AT)


SLOW = text(
    evidence("client_latency", 1, series=CLIENT, now=1.21),
    evidence("client_latency", 2, series=SPANS, now=1.21),
    evidence("server_latency", 3, series=SERVER, now=1.21),
)


def test_what_is_no_longer_observed_is_told_beside_what_changed() -> None:
    told = SLOW.changes(
        [
            health(SERVER, "server_latency", 0.00607, unit="s"),
            health(CLIENT, "client_latency", None, unit="s", normal=True),
            health(SPANS, "client_latency", 1.21, unit="s", normal=True, age_s=14.0),
        ],
        AT,
    )
    assert (
        told == "client latency to 127.0.0.1:8011 1.21 s, no calls any more; server latency 1.21 s → 6.1 ms"
    )


def test_of_two_series_of_one_name_the_observed_one_is_told() -> None:
    told = SLOW.changes(
        [
            health(CLIENT, "client_latency", None, unit="s", normal=True),
            health(SPANS, "client_latency", 0.002, unit="s"),
        ],
        AT,
    )
    assert told == "client latency to 127.0.0.1:8011 1.21 s → 2 ms"


@pytest.mark.parametrize(
    "gone",
    [
        health("m:value", "memory", None, normal=True, age_s=None),
        health("m:value", "memory", 0.9, normal=True, age_s=13.0),
        health("m:value", "memory", 0.9, high=0.5, normal=True),
        health("m:value", "memory", float("nan"), normal=True),
    ],
    ids=["no value", "from before the action", "normal only for want of samples", "no number"],
)
def test_a_normal_series_without_a_value_of_now_is_no_longer_observed(gone: SeriesHealth) -> None:
    told = text(evidence("memory", series="m:value", now=0.9)).changes([gone], AT)
    assert told == "memory use 90 %, no longer observed"


def test_a_value_that_did_not_change_is_told_once() -> None:
    told = text(evidence("memory", series="m:value", now=0.4)).changes([health("m:value", "memory", 0.4)], AT)
    assert told == "memory use 40 %"


def test_at_most_three_are_named_and_the_others_counted() -> None:
    five = [health(f"m{i}:value", "other", 0.1) for i in range(5)]
    assert text().changes(five, AT) == "m0 10 %; m1 10 %; m2 10 %; and 2 more"


def test_comings_and_goings_are_told_in_words() -> None:
    told = text(silence(), restarts()).changes(
        [
            health("silence", "silence", 0.3, unit="s"),
            health("lifecycle.restarts", "restarts", 4, normal=True),
        ],
        AT,
    )
    assert told == "heard again; no restarts any more"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (health("m:value", "memory", 0.98), "memory use 98 % (normal up to 50 %; 90 % before)"),
        (health("m:value", "memory", 0.9), "memory use 90 %, unchanged (normal up to 50 %)"),
        (health("m:value", "memory", 0.1, low=0.2), "memory use 10 % (normal from 20 %; 90 % before)"),
        (health("m:value", "memory", 0.4, normal=False), "memory use just back at 40 %"),
        (health("m:value", "memory", None), "memory use not observed yet"),
        (
            health("m:value", "memory", 0.9, age_s=13.0),
            "memory use 90 % when last observed, before the action",
        ),
        (
            replace(health("m:value", "memory", 0.4, normal=False), reason=AnomalyReason.LIMIT_FORECAST),
            "memory use 40 %, still on its way to the limit",
        ),
        (health("lifecycle.restarts", "restarts", 4, normal=False), "4 restarts, the last 0 s ago"),
        (health("lifecycle.fatal_log", "restarts", None, normal=False), "fatal log lines, the last 0 s ago"),
        (health("lifecycle.silence", "silence", 8, normal=False, age_s=8.0), "silent for 8 s"),
    ],
)
def test_what_is_wrong_is_told_with_how_much(bad: SeriesHealth, told: str) -> None:
    assert text(evidence("memory", series="m:value", now=0.9)).troubles([bad], AT) == told


def test_what_is_normal_is_no_trouble() -> None:
    series = [health("m:value", "memory", 0.1), health("c:value", "cpu", 0.9)]
    assert text().troubles(series, AT) == "processor use 90 % (normal up to 50 %)"


number = st.none() | st.floats()
healths = st.builds(
    SeriesHealth,
    series=st.just("m:value"),
    signal=st.just("memory"),
    unit=st.just("1"),
    value=number,
    low=number,
    high=number,
    normal=st.booleans(),
    age_s=number,
)


@given(then=number, series=healths)
def test_no_sentence_says_that_a_value_became_itself(then: float | None, series: SeriesHealth) -> None:
    words = text(replace(evidence("memory", series="m:value"), now=then))
    for told in (words.changes([series], AT), words.troubles([series], AT)):
        before, arrow, after = told.removeprefix("memory use ").partition(" → ")
        assert not arrow or before != after
