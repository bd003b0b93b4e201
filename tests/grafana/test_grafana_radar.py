"""The radar's script draws what the queries answer, in the chart library that the panel uses."""

import re
from typing import Any

import pytest
from dashboard_queries import dashboards
from query_grammars import run

(PANEL,) = (
    one for one in dashboards()["command-centre"]["panels"] if one["type"] == "volkovlabs-echarts-panel"
)
AXES = ["CPU", "Memory", "Disk", "Network", "DB pool"]


def frame(query: str, service: str, *values: float | None) -> dict[str, Any]:
    """A frame as Grafana makes it of an instant query's answer."""
    return {
        "refId": query,
        "fields": [
            {"name": "Time", "type": "time", "values": [1_700_000_000_000] * len(values)},
            {
                "name": "Value",
                "type": "number",
                "labels": {"aegisops_service": service},
                "values": list(values),
            },
        ],
    }


CASES = {
    "whole": [
        frame(target["refId"], service, 0.5)
        for target in PANEL["targets"]
        for service in ("demo/shop", "demo/api")
    ],
    "bounds": [frame("A", "shop", 0.2, 0.4, None), frame("B", "shop", 1.7), frame("C", "shop", -1)],
    "unknown": [frame("A", "shop", 0.25)],
    "markup": [frame("A", "<img src=x onerror=alert(1)>", 0.5)],
    "empty": [],
}


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, Any]]:
    given = {"script": PANEL["options"]["getOption"], "cases": list(CASES.values())}
    return dict(zip(CASES, run("draw_radar.js", given), strict=True))


def test_it_has_an_axis_a_query_and_a_polygon_a_service(drawn: dict[str, Any]) -> None:
    option, svg = drawn["whole"]["option"], drawn["whole"]["svg"]
    assert [one["name"] for one in option["radar"]["indicator"]] == AXES
    assert [one["name"] for one in option["series"][0]["data"]] == ["demo/api", "demo/shop"]
    assert all(word in svg for word in (*AXES, "demo/shop", "demo/api"))


def test_it_shows_the_newest_share_within_its_bounds(drawn: dict[str, Any]) -> None:
    (shop,) = drawn["bounds"]["option"]["series"][0]["data"]
    assert shop["value"] == [0.4, 1, 0, 0, 0]


def test_what_is_not_known_is_said_and_not_passed_off_as_nothing(drawn: dict[str, Any]) -> None:
    (tooltip,) = drawn["unknown"]["tooltips"]
    assert "CPU: 25 %" in tooltip
    assert "Disk: not known" in tooltip


def test_names_of_services_cannot_become_markup(drawn: dict[str, Any]) -> None:
    assert not re.search(r"<img", drawn["markup"]["svg"] + drawn["markup"]["tooltips"][0])


def test_without_data_it_is_an_empty_radar(drawn: dict[str, Any]) -> None:
    assert drawn["empty"]["option"]["series"][0]["data"] == []
