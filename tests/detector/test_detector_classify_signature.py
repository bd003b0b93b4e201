"""Beliefs in incident types, from the loudness of signals and the words of logs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.classify.meaning import Signal
from detector.classify.signature import Signatures
from detector.incident import IncidentType

SIGNATURES = Signatures.load()


@pytest.mark.parametrize(
    ("voices", "lines", "kind"),
    [
        ({Signal.MEMORY: 1.0}, [], IncidentType.MEMORY_OOM),
        (
            {Signal.CPU: 1.0, Signal.SERVER_LATENCY: 0.9, Signal.CLIENT_LATENCY: 1.0},
            [],
            IncidentType.CPU_SPIKE,
        ),
        ({Signal.CLIENT_LATENCY: 1.0, Signal.SERVER_LATENCY: 0.9}, [], IncidentType.NETWORK_LATENCY),
        ({Signal.DB_POOL: 1.0, Signal.SERVER_LATENCY: 0.9}, [], IncidentType.DB_CONNECTION_POOL),
        ({Signal.DISK: 1.0, Signal.ERROR_RATIO: 1.0}, [], IncidentType.DISK_SPACE),
        ({Signal.RESTARTS: 1.0, Signal.SILENCE: 0.7}, [], IncidentType.POD_CRASH_LOOP),
        ({Signal.RESTARTS: 1.0, Signal.MEMORY: 1.0}, [], IncidentType.MEMORY_OOM),
        ({Signal.ERROR_RATIO: 1.0}, ["OSError: [Errno 28] No space left on device"], IncidentType.DISK_SPACE),
        ({Signal.ERROR_RATIO: 1.0}, ["QueuePool limit of size 5 reached"], IncidentType.DB_CONNECTION_POOL),
        ({Signal.ERROR_RATIO: 1.0}, ["something else"], IncidentType.UNKNOWN),
        ({Signal.QUEUE: 1.0}, [], IncidentType.UNKNOWN),
        ({}, [], IncidentType.UNKNOWN),
    ],
)
def test_the_likeliest_type_comes_first(voices, lines, kind) -> None:
    assert SIGNATURES.candidates(voices, lines)[0].type is kind


@given(
    st.dictionaries(st.sampled_from(list(Signal)), st.floats(0, 1)),
    st.lists(st.text(max_size=200), max_size=5),
)
def test_beliefs_are_probabilities_in_order(voices, lines) -> None:
    ranked = SIGNATURES.candidates(voices, lines)
    assert ranked
    assert all(0.0 <= candidate.confidence <= 1.0 for candidate in ranked)
    others = [c.confidence for c in ranked if c.type is not IncidentType.UNKNOWN]
    assert others == sorted(others, reverse=True)
