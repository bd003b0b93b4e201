"""What provisioning loads is what the code makes, and hangs together."""

import re
from collections import Counter
from typing import Any

import pytest
from dashboard_queries import GRAFANA, alert_rules, dashboards, datasources

from grafana.generate import provisioned_files
from grafana.panels import STATE_COLORS
from responder.incident_record import FINAL_STATES

PAGE = (GRAFANA.parent / "docs" / "dashboards.md").read_text(encoding="utf-8")
DASHBOARDS = dashboards()
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, content in DASHBOARDS.items()
    for panel in content["panels"]
    if panel["type"] != "row"
]


def test_the_files_are_those_that_the_code_makes() -> None:
    made = provisioned_files()
    for path, text in made.items():
        assert (GRAFANA / path).read_text(encoding="utf-8") == text, f"{path} is old: run `make dashboards`"
    there = {f"dashboards/{path.name}" for path in (GRAFANA / "dashboards").iterdir()}
    assert there == {path for path in made if path.startswith("dashboards/")}


def test_there_is_the_home_dashboard_and_four_more() -> None:
    assert set(DASHBOARDS) == {"command-centre", "incident", "service-health", "learning", "internals"}
    assert len({content["uid"] for content in DASHBOARDS.values()}) == 5


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_says_what_it_shows_and_what_an_empty_one_means(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["noValue"]


@pytest.mark.parametrize("panel", PANELS)
def test_every_query_names_its_data_source(panel: dict[str, Any]) -> None:
    known = {(source["type"], source["uid"]) for source in datasources()}
    references = [target["refId"] for target in panel["targets"]]
    assert len(references) == len(set(references))
    assert {(t["datasource"]["type"], t["datasource"]["uid"]) for t in panel["targets"]} <= known


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fill_the_grid_without_gap_or_overlap(name: str) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in DASHBOARDS[name]["panels"]:
        at = panel["gridPos"]
        taken.update(
            (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
        )
    assert max(taken.values()) == 1
    rows = max(y for _, y in taken) + 1
    assert set(taken) == {(x, y) for x in range(24) for y in range(rows)}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_links_lead_to_dashboards_that_are_there_with_variables_they_have(name: str) -> None:
    by_uid = {content["uid"]: content for content in DASHBOARDS.values()}
    for uid, query in re.findall(
        r'"/d/([\w-]+)/\?([^"]*)', (GRAFANA / f"dashboards/{name}.json").read_text()
    ):
        variables = {one["name"] for one in by_uid[uid]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", query)) <= variables


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_variable_that_is_used_is_defined(name: str) -> None:
    content = DASHBOARDS[name]
    text = "".join(str((p.get("targets"), p["title"])) for p in content["panels"])
    used = set(
        re.findall(r"\$\{?([a-z][a-z_]*)\b", text + str(content["annotations"]) + str(content["links"]))
    )
    assert used <= {one["name"] for one in content["templating"]["list"]}


def test_every_dashboard_leads_to_the_others_and_to_the_cockpit() -> None:
    for content in DASHBOARDS.values():
        assert "aegisops" in content["tags"]
        assert [link["type"] for link in content["links"][:2]] == ["dashboards", "link"]
        assert content["links"][1]["url"] == "${cockpit}"


def test_every_final_state_has_a_colour() -> None:
    assert STATE_COLORS.keys() == FINAL_STATES


def test_every_alert_has_a_runbook_in_the_documentation() -> None:
    headings = set(re.findall(r"^### (\S+)$", PAGE, re.MULTILINE))
    rules = alert_rules()
    assert len({rule["uid"] for rule in rules}) == len(rules) > 0
    for rule in rules:
        page, _, heading = rule["annotations"]["runbook_url"].partition("#")
        assert page == "docs/dashboards.md"
        assert heading in headings
        assert rule["condition"] in {query["refId"] for query in rule["data"]}


def test_every_dashboard_is_described_in_the_documentation() -> None:
    for content in DASHBOARDS.values():
        assert f"## {content['title']}\n" in PAGE


def test_data_sources_lead_to_each_other() -> None:
    by_uid = {source["uid"]: source["jsonData"] for source in datasources()}
    assert by_uid.keys() == {"prometheus", "loki", "tempo"}
    assert "tempo" in {
        one.get("datasourceUid") for one in by_uid["prometheus"]["exemplarTraceIdDestinations"]
    }
    assert "tempo" in {one.get("datasourceUid") for one in by_uid["loki"]["derivedFields"]}
    assert by_uid["tempo"]["tracesToLogsV2"]["datasourceUid"] == "loki"
    assert by_uid["tempo"]["serviceMap"]["datasourceUid"] == "prometheus"
