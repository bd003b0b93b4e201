"""The storm bench, with a breeze."""

import time
from collections import Counter
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from aegisops.bench.storm import run, standing
from aegisops.bench.storm_calls import draw_storm
from detector import Incident
from responder.store import Database, Store


def test_a_storm_has_as_many_alerts_of_as_many_causes_as_asked_for() -> None:
    calls = draw_storm(alerts=1_003, causes=4, at=time.time())
    assert sum(len(call.arrivals) for call in calls) == 1_003
    assert len({call.service for call in calls}) == 4
    assert [call.due for call in calls] == sorted(call.due for call in calls)
    assert all(0 <= call.due <= 1 for call in calls)


def test_a_storm_comes_by_telemetry_and_by_webhooks_and_repeats_itself() -> None:
    calls = draw_storm(alerts=2_000, causes=4, at=time.time())
    assert {call.path for call in calls} == {
        "/detections",
        "/webhook",
        "/webhook/alertmanager",
        "/webhook/grafana",
    }
    assert max(Counter(arrival for call in calls for arrival in call.arrivals).values()) == 2


def test_what_was_not_taken_in_does_not_stand(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'responder.db'}", "a directory")
    database.open()
    calls = draw_storm(alerts=400, causes=1, at=time.time())
    detections = [call for call in calls if call.path == "/detections"]
    second = TypeAdapter(Incident).validate_json(detections[1].body)
    Store.over(database).incidents.receive(second, time.time())
    found, stand = standing(database, calls)
    database.close()
    assert found == 1
    assert {arrival for _, arrival in stand} == {call.arrivals[0] for call in detections[:2]}


@pytest.mark.e2e
def test_nothing_of_a_small_storm_is_lost() -> None:
    result = run(lambda line: None, alerts=200, causes=4, spread_s=1.0)
    figures = {figure.name: figure.value for figure in result.figures}
    assert (figures["alerts"], figures["incidents"], figures["lost"]) == (200, 4, 0)
    assert figures["api_errors"] == 0
    assert figures["api_p99_ms"] > 0
