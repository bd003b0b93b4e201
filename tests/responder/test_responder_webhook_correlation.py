"""One fault is one incident, whoever tells of it first, and it ends when it is over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_samples import notification, prometheus_alert
from closed_api import NOW, ApiUnderTest
from pipeline_doubles import make_incident

from detector import IncidentState, IncidentType
from responder.incident_record import PipelineState
from responder.store.alert_intake import LATE_S, MAX_ALERTS, STILL_OPEN_S


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(tmp_path)
    yield api
    api.close()


def fire(api: ApiUnderTest, fingerprint: str = "f1", began: float = 0.0, **alert: str) -> dict[str, str]:
    payload = notification(prometheus_alert(fingerprint, began=began, **alert))
    (outcome,) = api.accepted("/webhook/alertmanager", payload)
    return outcome


def resolve(api: ApiUnderTest, fingerprint: str = "f1", began: float = 0.0) -> dict[str, str]:
    return fire(api, fingerprint, began, status="resolved")


def test_an_alert_joins_what_the_detector_raised(api: ApiUnderTest) -> None:
    api.detect(make_incident())
    outcome = fire(api)
    assert (outcome["incident_id"], outcome["disposition"]) == ("INC-1", "updated")
    assert api.total == 1
    assert len(api.row("INC-1").incident.evidence) == 2


def test_what_the_detector_raises_joins_the_alert(api: ApiUnderTest) -> None:
    first = fire(api)
    assert api.detect(make_incident()) == first["incident_id"]
    assert api.total == 1


def test_the_same_alert_again_changes_nothing(api: ApiUnderTest) -> None:
    first = fire(api)
    before = api.row(first["incident_id"])
    api.now += 60
    assert fire(api)["disposition"] == "known"
    assert api.row(first["incident_id"]) == before


def test_two_systems_with_one_fault_are_one_incident(api: ApiUnderTest) -> None:
    first = fire(api)
    (second,) = api.accepted("/webhook/grafana", notification(prometheus_alert("g1"), version="1"))
    assert second["incident_id"] == first["incident_id"]


def test_what_only_alerts_told_of_is_over_with_the_last_of_them(api: ApiUnderTest) -> None:
    first = fire(api, "a")
    fire(api, "b")
    resolve(api, "a")
    assert not api.row(first["incident_id"]).over
    resolve(api, "b")
    row = api.row(first["incident_id"])
    assert row.over
    assert row.incident.state is IncidentState.CLOSED
    assert api.messages(first["incident_id"])[-1] == "All its alerts are resolved: the fault is over"


def test_the_detector_says_when_its_incident_is_over_not_an_alert(api: ApiUnderTest) -> None:
    api.detect(make_incident())
    fire(api)
    resolve(api)
    assert not api.row("INC-1").over
    assert any("is resolved, says alertmanager" in message for message in api.messages("INC-1"))


def test_a_fault_that_returns_is_a_new_incident_that_names_the_old(api: ApiUnderTest) -> None:
    first = fire(api)
    resolve(api)
    api.end(first["incident_id"])
    api.now += 30
    again = fire(api, began=30.0)
    assert again["disposition"] == "created"
    assert api.row(again["incident_id"]).incident.previous_id == first["incident_id"]
    assert resolve(api, began=30.0)["incident_id"] == again["incident_id"]
    assert api.row(again["incident_id"]).over


def test_an_alert_that_was_overtaken_by_its_end_does_not_return(api: ApiUnderTest) -> None:
    fire(api)
    resolve(api)
    assert fire(api)["disposition"] == "known"
    assert api.total == 1


def test_the_end_of_an_earlier_episode_does_not_end_the_next(api: ApiUnderTest) -> None:
    first = fire(api)
    resolve(api)
    api.end(first["incident_id"])
    api.now += 30
    again = fire(api, began=30.0)
    assert resolve(api, began=0.0)["disposition"] == "known"
    assert not api.row(again["incident_id"]).over


def test_the_end_of_what_was_never_reported_is_ignored(api: ApiUnderTest) -> None:
    assert resolve(api)["disposition"] == "ignored"
    assert api.total == 0


def test_a_slow_alert_belongs_to_what_is_healed_already(api: ApiUnderTest) -> None:
    api.detect(make_incident())
    api.now += 25
    api.end("INC-1")
    api.now += 30
    late = fire(api, began=25.0 + LATE_S)
    assert (late["incident_id"], late["state"]) == ("INC-1", "RESOLVED")
    assert api.workflows.ids == []


def test_an_alert_that_began_well_after_the_recovery_is_a_new_incident(api: ApiUnderTest) -> None:
    api.detect(make_incident())
    api.end("INC-1")
    api.now += 200
    assert fire(api, began=LATE_S + 1)["disposition"] == "created"


def test_an_alert_that_still_fires_long_after_the_recovery_is_a_new_incident(api: ApiUnderTest) -> None:
    api.detect(make_incident())
    api.end("INC-1")
    api.now += 3_000
    assert fire(api, began=-60.0)["disposition"] == "created"


def test_more_alerts_about_what_a_human_has_to_mend_join_it(api: ApiUnderTest) -> None:
    first = fire(api, "a")
    api.end(first["incident_id"], PipelineState.ESCALATED)
    assert fire(api, "b")["incident_id"] == first["incident_id"]
    api.now += STILL_OPEN_S + 1
    assert fire(api, "c")["disposition"] == "created"


def test_an_alert_that_knows_the_type_tells_it_where_none_was_known(api: ApiUnderTest) -> None:
    first = fire(api, "a", name="SomethingIsOdd")
    payload = notification(prometheus_alert("b", name="HostOutOfMemory"))
    payload["alerts"][0]["labels"]["severity"] = "info"
    api.accepted("/webhook/alertmanager", payload)
    incident = api.row(first["incident_id"]).incident
    assert incident.type is IncidentType.MEMORY_OOM
    assert incident.severity == "critical"


def test_a_storm_about_one_service_is_one_bounded_incident(api: ApiUnderTest) -> None:
    alerts = [prometheus_alert(f"f{i}") for i in range(500)]
    outcomes = api.accepted("/webhook/alertmanager", notification(*alerts))
    assert {one["incident_id"] for one in outcomes} == {outcomes[0]["incident_id"]}
    assert api.total == 1
    assert len(api.row(outcomes[0]["incident_id"]).incident.evidence) == MAX_ALERTS
    assert len(api.messages(outcomes[0]["incident_id"])) == MAX_ALERTS + 1
    ended = [prometheus_alert(f"f{i}", status="resolved") for i in range(500)]
    api.accepted("/webhook/alertmanager", notification(*ended))
    assert api.row(outcomes[0]["incident_id"]).over


def test_a_script_ends_what_it_reported(api: ApiUnderTest) -> None:
    alert = {"incident_id": "disk-42", "alert_type": "disk_full", "logs": "", "container_name": "shop"}
    api.send("/webhook", alert)
    assert api.send("/webhook", alert | {"status": "resolved"}).json()["disposition"] == "updated"
    assert api.row("disk-42").over
    assert api.send("/webhook", alert | {"incident_id": "x", "status": "resolved"}).status_code == 404
    assert api.row("disk-42").incident.closed_at == NOW
