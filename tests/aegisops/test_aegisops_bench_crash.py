"""The crash bench, with as few kills as show that it kills and counts."""

import pytest

from aegisops.bench.crash import run
from responder.incident_record import PipelineState

pytestmark = pytest.mark.e2e


def test_a_kill_in_the_middle_of_an_action_loses_and_repeats_nothing() -> None:
    said: list[str] = []
    result = run(said.append, rounds=1, states=[PipelineState.EXECUTING])
    figures = {figure.name: figure.value for figure in result.figures}
    # Cut off before the command began, it is not repeated, and a human is called.
    assert figures.pop("escalated") in (0, 1)
    assert figures == {"kills": 1, "lost": 0, "repeated_actions": 0, "broken_traces": 0}
    assert said == ["1 of 1 kills"]
