"""The pipeline bench, with a few incidents."""

import pytest

from aegisops.bench.pipeline import run

pytestmark = pytest.mark.e2e


def test_all_incidents_are_resolved_with_durability_and_without() -> None:
    result = run(lambda line: None, incidents=4)
    figures = {figure.name: figure.value for figure in result.figures}
    assert (figures["incidents"], figures["unresolved"]) == (4, 0)
    assert figures["overhead_ratio"] == pytest.approx(
        figures["direct_incidents_per_second"] / figures["incidents_per_second"]
    )
    (by_state,) = result.tables
    states = [row[0] for row in by_state.rows]
    assert states == ["RECEIVED", "ANALYSING", "COUNCIL_REVIEW", "APPROVED", "EXECUTING", "VERIFYING"]
