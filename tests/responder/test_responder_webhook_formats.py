"""Alerts in the formats that other systems send, and what their words mean."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_samples import cloud_event, moment, notification, pagerduty_event, prometheus_alert
from closed_api import NOW, ApiUnderTest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector import IncidentType, Severity
from responder.alerts.naming import DEFAULT_SERVICE_LABELS, incident_type, service_of
from responder.alerts.reported import MAX_BATCH


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(tmp_path)
    yield api
    api.close()


def test_an_alert_of_prometheus_becomes_an_incident(api: ApiUnderTest) -> None:
    (outcome,) = api.accepted("/webhook/alertmanager", notification(prometheus_alert()))
    assert outcome["disposition"] == "created"
    incident = api.row(outcome["incident_id"]).incident
    assert (incident.service, incident.type) == ("shop", IncidentType.MEMORY_OOM)
    assert (incident.severity, incident.started_at) == (Severity.CRITICAL, NOW - 60)
    assert incident.evidence[0].log_lines[0] == "memory of shop is at 97 %"
    assert "labels: alertname=ContainerMemoryHigh" in incident.evidence[0].log_lines[-1]
    assert api.workflows.ids == [outcome["incident_id"]]


def test_each_alert_of_a_group_is_answered_and_what_was_left_out_is_told(api: ApiUnderTest) -> None:
    alerts = [
        prometheus_alert("a"),
        prometheus_alert("b", service="bank"),
        {"labels": {"alertname": 3}, "status": "firing"},
        prometheus_alert("c", status="resolved"),
    ]
    response = api.send("/webhook/alertmanager", notification(*alerts, truncatedAlerts=7))
    assert response.status_code == 202
    answer = response.json()
    assert [one["disposition"] for one in answer["alerts"]] == ["created", "created", "refused", "ignored"]
    assert "alerts.2.labels.alertname" in answer["alerts"][2]["alert"]
    assert answer["truncated"] == 7
    assert api.total == 2


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (notification(prometheus_alert(), version="3"), "version"),
        (notification(), "alerts"),
        (notification({"status": "pending"}), "status"),
        (notification({"startsAt": "yesterday"}), "startsAt"),
        (notification(*[{}] * (MAX_BATCH + 1)), "alerts"),
        (notification(prometheus_alert(), truncatedAlerts=-1), "truncatedAlerts"),
        ({"version": "4"}, "alerts"),
    ],
)
def test_a_known_field_that_is_wrong_is_named(api: ApiUnderTest, payload: object, named: str) -> None:
    response = api.send("/webhook/alertmanager", payload)
    assert response.status_code == 422
    assert named in response.json()["detail"]


def test_an_alert_without_status_fires_until_its_end(api: ApiUnderTest) -> None:
    open_ended = prometheus_alert("a") | {"status": None}
    ended = prometheus_alert("b") | {"status": None, "endsAt": moment(-1)}
    outcomes = api.accepted("/webhook/alertmanager", notification(open_ended, ended))
    assert [one["disposition"] for one in outcomes] == ["created", "ignored"]


def test_grafana_tells_the_values_its_rule_saw(api: ApiUnderTest) -> None:
    alert = prometheus_alert(name="DiskAlmostFull") | {
        "values": {"B": 0.96, "C": 1},
        "valueString": "[ var='B' value=0.96 ]",
        "panelURL": "https://grafana/d/1?viewPanel=2",
    }
    payload = notification(alert, version="1", orgId=1, title="[FIRING:1]", state="alerting")
    (outcome,) = api.accepted("/webhook/grafana", payload)
    incident = api.row(outcome["incident_id"]).incident
    assert incident.type is IncidentType.DISK_SPACE
    lines = incident.evidence[0].log_lines
    assert "values: B = 0.96, C = 1" in lines
    assert "https://grafana/d/1?viewPanel=2" in lines


def test_pagerduty_triggers_and_resolves(api: ApiUnderTest) -> None:
    (outcome,) = api.accepted("/webhook/pagerduty", pagerduty_event())
    row = api.row(outcome["incident_id"])
    assert (row.incident.service, row.incident.type) == ("shop", IncidentType.NETWORK_LATENCY)
    assert api.accepted("/webhook/pagerduty", pagerduty_event("incident.acknowledged", id_="E2")) == []
    (resolved,) = api.accepted("/webhook/pagerduty", pagerduty_event("incident.resolved", id_="E3"))
    assert resolved["disposition"] == "updated"
    assert api.row(outcome["incident_id"]).over


def test_what_pagerduty_has_from_us_tells_nothing_new(api: ApiUnderTest) -> None:
    (ours,) = api.accepted("/webhook/alertmanager", notification(prometheus_alert()))
    before = api.row(ours["incident_id"])
    (echo,) = api.accepted("/webhook/pagerduty", pagerduty_event(incident_key=ours["incident_id"]))
    assert (echo["disposition"], echo["incident_id"]) == ("known", ours["incident_id"])
    assert api.row(ours["incident_id"]) == before


def test_an_event_comes_structured_binary_and_in_a_batch(api: ApiUnderTest) -> None:
    headers = {"content-type": "application/cloudevents+json"}
    (first,) = api.accepted("/webhook/cloudevents", cloud_event(), **headers)
    assert api.row(first["incident_id"]).incident.type is IncidentType.MEMORY_OOM

    binary = {
        "ce-specversion": "1.0",
        "ce-id": "4712",
        "ce-source": "/monitoring/shop",
        "ce-type": "com.example.alert.resolved",
        "ce-subject": "shop-memory",
    }
    (second,) = api.accepted("/webhook/cloudevents", {"service": "shop"}, **binary)
    assert (second["disposition"], second["incident_id"]) == ("updated", first["incident_id"])
    assert api.row(first["incident_id"]).over

    batch = [cloud_event(subject="bank", data={"service": "bank"}), {"specversion": "1.0"}]
    outcomes = api.accepted(
        "/webhook/cloudevents", batch, **{"content-type": "application/cloudevents-batch+json"}
    )
    assert [one["disposition"] for one in outcomes] == ["created", "refused"]


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ([], "object"),
        (cloud_event(specversion="0.3"), "specversion"),
        ({"specversion": "1.0", "source": "s", "type": "t"}, "id"),
        (cloud_event(time="yesterday"), "time"),
        (cloud_event(time=5), "time"),
        (cloud_event(data={"severity": 3}), "severity"),
        (cloud_event(data=[1]), "data"),
        (cloud_event(Upper="x"), "Upper"),
    ],
)
def test_an_event_that_cannot_be_used_says_why(api: ApiUnderTest, event: object, named: str) -> None:
    response = api.send("/webhook/cloudevents", event, **{"content-type": "application/cloudevents+json"})
    assert response.status_code == 422
    assert named in response.json()["detail"]


def test_what_is_no_event_says_how_to_send_one(api: ApiUnderTest) -> None:
    response = api.send("/webhook/cloudevents", {})
    assert response.status_code == 422
    assert "application/cloudevents+json" in response.json()["detail"]


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "b", "service.name": "a"}, "a"),
        ({"job": "shop/checkout"}, "checkout"),
        ({"job": "checkout"}, "checkout"),
        ({"service": "  ", "container": "c\n1"}, "c 1"),
        ({"instance": "10.0.0.1:80"}, None),
    ],
)
def test_the_service_is_the_first_label_that_is_there(labels: dict[str, str], service: str | None) -> None:
    assert service_of(labels, DEFAULT_SERVICE_LABELS) == service


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NodeFilesystemAlmostOutOfSpace", IncidentType.DISK_SPACE),
        ("HostOutOfMemory", IncidentType.MEMORY_OOM),
        ("HighRequestLatency", IncidentType.NETWORK_LATENCY),
        ("ContainerHighCpuUtilization", IncidentType.CPU_SPIKE),
        ("KubePodCrashLooping", IncidentType.POD_CRASH_LOOP),
        ("PostgresqlTooManyConnections", IncidentType.DB_CONNECTION_POOL),
        ("HikariPoolExhausted", IncidentType.DB_CONNECTION_POOL),
        ("DiskLatencyHigh", IncidentType.UNKNOWN),
        ("Watchdog", IncidentType.UNKNOWN),
    ],
)
def test_the_name_of_a_rule_tells_its_type_unless_it_speaks_of_two(name: str, kind: IncidentType) -> None:
    assert incident_type(name) is kind


def test_the_next_name_counts_where_the_first_tells_nothing() -> None:
    assert incident_type("HTTP5xx", "connection pool exhausted") is IncidentType.DB_CONNECTION_POOL


def test_labels_are_bounded_and_their_secrets_masked(api: ApiUnderTest) -> None:
    many = {"password": "hunter2hunter2"} | {f"l{i}": "x" * 3_000 for i in range(500)}
    alert = prometheus_alert(**many)
    alert["annotations"]["description"] = "password=hunter2hunter2"
    (outcome,) = api.accepted("/webhook/alertmanager", notification(alert))
    lines = api.row(outcome["incident_id"]).incident.evidence[0].log_lines
    assert all(len(line) <= 1_000 for line in lines)
    assert "password=<secret>" in lines[-1]
    assert "hunter2" not in " ".join(lines)


def test_half_characters_in_labels_break_nothing(api: ApiUnderTest) -> None:
    body = json.dumps(notification(prometheus_alert())).replace('"shop"', '"shop\\ud800\\u0000"')
    response = api.client.post(
        "/webhook/alertmanager", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code in (202, 422)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("alerts", "labels", "annotations", "startsAt", "status", "event", "data", "id"),
                    *("event_type", "occurred_at", "service", "specversion", "source", "type", "version"),
                ]
            ),
            inner,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=json_values,
    path=st.sampled_from(["alertmanager", "grafana", "pagerduty", "cloudevents"]),
    media=st.sampled_from(
        ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"]
    ),
)
def test_no_payload_breaks_a_webhook(api: ApiUnderTest, payload: Any, path: str, media: str) -> None:
    response = api.send(f"/webhook/{path}", payload, **{"content-type": media})
    assert response.status_code in (202, 422)
