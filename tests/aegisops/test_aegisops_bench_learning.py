"""The bench on learning, on a small sample."""

import json
from dataclasses import replace

import pytest

from aegisops.bench.learning import measure, work_all
from aegisops.bench.simulated_remedies import ODD, SimulatedIncident, draw_incidents
from responder.incident_record import ActionKind

SCALE_UP = frozenset({ActionKind.SCALE_UP})


@pytest.fixture(scope="module")
def incidents() -> list[SimulatedIncident]:
    return list(draw_incidents(1, 6))


def test_the_same_seed_draws_the_same_incidents(incidents: list[SimulatedIncident]) -> None:
    assert list(draw_incidents(1, 3)) == incidents[:3]


def test_first_actions_on_the_odd_service_help_once_it_is_learned(
    incidents: list[SimulatedIncident],
) -> None:
    odd = [SimulatedIncident(replace(one.incident, service=ODD), SCALE_UP) for one in incidents]
    without, taught = (work_all(odd, learns=learns) for learns in (False, True))
    assert not any(one.first_helped for one in without)
    assert [one.first_helped for one in taught] == [False, False, *[True] * 4]


def test_the_object_has_the_promised_figures() -> None:
    said: list[str] = []
    answer = json.loads(measure((1,), 4, said.append).as_json())
    assert answer["bench"] == "learning"
    for name in ("first_action_success_before", "first_action_success_after", "other_services_change"):
        assert -1.0 <= answer[name] <= 1.0
    assert [row["incidents"] for row in answer["first_action_success"]] == ["1-1", "2-2", "3-3", "4-4"]
    assert len(said) == 1
