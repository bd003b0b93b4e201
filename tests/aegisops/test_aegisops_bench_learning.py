"""The bench on learning, on a small sample."""

import json

import pytest

from aegisops.bench.learning import first_success, measure, work_all
from aegisops.bench.simulated_remedies import ODD, SimulatedIncident, draw_incidents


@pytest.fixture(scope="module")
def incidents() -> list[SimulatedIncident]:
    return list(draw_incidents(1, 12))


def test_the_same_seed_draws_the_same_incidents(incidents: list[SimulatedIncident]) -> None:
    assert list(draw_incidents(1, 3)) == incidents[:3]


def test_first_actions_on_the_odd_service_help_more_often_once_they_are_learned(
    incidents: list[SimulatedIncident],
) -> None:
    without, taught = (work_all(incidents, learns=learns) for learns in (False, True))
    assert [one.service for one in without] == [one.service for one in taught]
    odd = [[one for one in worked if one.service == ODD] for worked in (without, taught)]
    assert first_success(odd[0]) < first_success(odd[1])


def test_the_object_has_the_promised_figures() -> None:
    said: list[str] = []
    answer = json.loads(measure((1,), 4, said.append).as_json())
    assert answer["bench"] == "learning"
    for name in ("first_action_success_before", "first_action_success_after", "other_services_change"):
        assert -1.0 <= answer[name] <= 1.0
    assert [row["incidents"] for row in answer["first_action_success"]] == ["1-1", "2-2", "3-3", "4-4"]
    assert len(said) == 1
