"""The API: intake, looking at incidents, errors as problems, and its description."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from api_doubles import EmptyRunbook, Started
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from pipeline_doubles import TRACEPARENT, make_incident
from pydantic import TypeAdapter

from detector import Incident, IncidentType, Severity
from responder.alerts.naming import incident_type, severity
from responder.alerts.reported import MAX_LINE, MAX_LINES
from responder.api import ApiParts, build_app
from responder.api.app import MAX_BODY_BYTES
from responder.diagnose import OfflineAnalyst
from responder.incident_record import Case, IncidentRecord, PipelineState
from responder.store import Database, Store


class Api:
    def __init__(self, directory: Path) -> None:
        database = Database(f"sqlite:///{directory / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
        database.open()
        self.store = Store.over(database)
        self.workflows = Started()
        parts = ApiParts(self.store, self.workflows, EmptyRunbook(), lambda: 2000.0, RandomIdGenerator())
        self.client = TestClient(build_app(parts), raise_server_exceptions=False)

    def report(self, incident: Incident, **headers: str) -> dict[str, Any]:
        response = self.client.post("/detections", json=asdict(incident), headers=headers)
        assert response.status_code == 202, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def alert(self, **payload: object) -> dict[str, Any]:
        body = {"incident_id": "a-1", "alert_type": "oom", "logs": "killed"} | payload
        response = self.client.post("/webhook", json=body)
        assert response.status_code == 202, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def record(self, incident_id: str) -> dict[str, Any]:
        response = self.client.get(f"/incidents/{incident_id}")
        assert response.status_code == 200, response.text
        record: dict[str, Any] = response.json()
        return record


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = Api(tmp_path)
    yield api
    api.client.close()
    api.store.database.close()


def test_a_detection_is_kept_and_worked_on(api: Api) -> None:
    answer = api.report(make_incident())
    assert answer == {"incident_id": "INC-1", "state": "RECEIVED", "disposition": "created"}
    assert api.workflows.ids == ["INC-1"]


def test_a_repeated_detection_is_known_and_a_new_revision_an_update(api: Api) -> None:
    api.report(make_incident())
    assert api.report(make_incident())["disposition"] == "known"
    assert api.report(make_incident(revision=2))["disposition"] == "updated"


def test_an_incident_that_ended_is_not_started_again(api: Api) -> None:
    api.report(make_incident())
    api.store.timeline.move("INC-1", PipelineState.RESOLVED, "done", key="end", at=2001.0)
    api.report(make_incident(revision=2))
    assert api.workflows.ids == ["INC-1"]


def test_the_trace_is_the_incidents_own(api: Api) -> None:
    api.report(make_incident())
    assert api.record("INC-1")["trace_id"] == TRACEPARENT.split("-")[1]


def test_an_incident_says_whether_its_confidence_was_measured(api: Api) -> None:
    api.report(make_incident())
    diagnosis = OfflineAnalyst().diagnose(Case(make_incident(), frozenset()))
    for attempt, calibrated in ((1, True), (2, False)):
        api.store.journal.save_diagnosis("INC-1", attempt, replace(diagnosis, calibrated=calibrated))
        assert api.record("INC-1")["diagnosis"]["calibrated"] is calibrated


def test_a_detection_with_a_broken_trace_takes_that_of_the_header(api: Api) -> None:
    api.report(replace(make_incident(), traceparent=""), traceparent=TRACEPARENT)
    assert api.record("INC-1")["trace_id"] == TRACEPARENT.split("-")[1]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": " "}, "id"),
        ({"service": "a\nb"}, "service"),
        ({"id": "x" * 300}, "id"),
        ({"revision": "?"}, "revision"),
    ],
)
def test_a_detection_out_of_bounds_is_a_problem_that_names_the_field(
    api: Api, change: dict[str, object], named: str
) -> None:
    response = api.client.post("/detections", json=asdict(make_incident()) | change)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert named in response.json()["detail"]


def test_a_number_that_is_not_finite_is_a_problem(api: Api) -> None:
    body = json.dumps(asdict(make_incident())).replace('"started_at": 1000.0', '"started_at": 1e999')
    response = api.client.post("/detections", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert "finite" in response.json()["detail"]


def test_an_alert_becomes_an_incident_of_its_container(api: Api) -> None:
    answer = api.alert(
        alert_type="CrashLoopBackOff",
        container_name="shop",
        severity="page",
        logs=["one", "two"],
        timestamp="1970-01-01T00:20:00Z",
    )
    assert answer["disposition"] == "created"
    incident = api.record("a-1")["incident"]
    assert incident["type"] == "pod_crash_loop"
    assert incident["service"] == "shop"
    assert incident["severity"] == "critical"
    assert incident["started_at"] == 1200.0
    assert incident["evidence"][0]["log_lines"] == ["one", "two"]


def test_an_alert_on_a_service_with_an_unfinished_incident_is_the_same_incident(api: Api) -> None:
    api.report(make_incident())
    assert api.alert(container_name="shop")["incident_id"] == "INC-1"
    assert api.client.get("/incidents").json()["total"] == 1


def test_a_repeated_alert_is_known(api: Api) -> None:
    api.alert()
    assert api.alert()["disposition"] == "known"


def test_fields_of_an_alert_that_nobody_knows_are_ignored(api: Api) -> None:
    assert api.alert(labels={"a": "b"})["disposition"] == "created"


def test_the_logs_of_an_alert_are_bounded(api: Api) -> None:
    api.alert(logs="\n".join(["x" * 10_000] * 100))
    lines = api.record("a-1")["incident"]["evidence"][0]["log_lines"]
    assert len(lines) == MAX_LINES
    assert {len(line) for line in lines} == {MAX_LINE}


@pytest.mark.parametrize(
    "payload", [{"incident_id": ""}, {"alert_type": None}, {"logs": 3}, {"incident_id": "a\0b"}]
)
def test_an_alert_that_cannot_be_used_is_a_problem_that_names_the_field(
    api: Api, payload: dict[str, object]
) -> None:
    body = {"incident_id": "a-1", "alert_type": "oom", "logs": "killed"} | payload
    response = api.client.post("/webhook", json=body)
    assert response.status_code == 422
    assert next(iter(payload)) in response.json()["detail"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("memory_oom", IncidentType.MEMORY_OOM),
        ("Memory-OOM", IncidentType.MEMORY_OOM),
        ("OOMKilled", IncidentType.MEMORY_OOM),
        ("HIGH LATENCY", IncidentType.NETWORK_LATENCY),
        ("cpu-spike", IncidentType.CPU_SPIKE),
        ("connection_pool_exhausted", IncidentType.DB_CONNECTION_POOL),
        ("DiskFull", IncidentType.DISK_SPACE),
        ("KubePodCrashLooping", IncidentType.POD_CRASH_LOOP),
        ("something else", IncidentType.UNKNOWN),
    ],
)
def test_alert_types_are_known_in_any_spelling(name: str, kind: IncidentType) -> None:
    assert incident_type(name) is kind


@pytest.mark.parametrize(
    ("name", "expected"), [("WARNING", Severity.MEDIUM), ("P1", Severity.CRITICAL), (None, Severity.MEDIUM)]
)
def test_severities_are_known_by_common_names(name: str | None, expected: Severity) -> None:
    assert severity(name) is expected


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["incident_id", "alert_type", "logs", "container_name", "severity", "timestamp"]
                ),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_no_payload_breaks_the_webhook(api: Api, payload: object) -> None:
    headers = {"content-type": "application/json"}
    assert api.client.post("/webhook", content=json.dumps(payload), headers=headers).status_code in (202, 422)


def test_a_body_above_the_limit_is_refused(api: Api) -> None:
    response = api.client.post(
        "/webhook", content=b" " * (MAX_BODY_BYTES + 1), headers={"content-type": "application/json"}
    )
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


def test_a_body_that_does_not_say_its_length_is_refused_above_the_limit(api: Api) -> None:
    chunks = (b" " * 65536 for _ in range(MAX_BODY_BYTES // 65536 + 2))
    response = api.client.post("/webhook", content=chunks, headers={"content-type": "application/json"})
    assert response.status_code == 413


def test_incidents_are_paged_and_filtered(api: Api) -> None:
    for i in range(3):
        api.report(make_incident(f"INC-{i}", service=f"s{i}"))
    page = api.client.get("/incidents", params={"limit": 2, "offset": 1}).json()
    assert (len(page["items"]), page["total"], page["limit"], page["offset"]) == (2, 3, 2, 1)
    assert (
        api.client.get("/incidents", params={"service": "s1"}).json()["items"][0]["incident"]["id"] == "INC-1"
    )
    assert api.client.get("/incidents", params={"state": "RESOLVED"}).json()["total"] == 0
    assert api.client.get("/incidents", params={"state": "nonsense"}).status_code == 422


def test_what_is_listed_reads_as_a_record(api: Api) -> None:
    api.report(make_incident())
    item = api.client.get("/incidents").json()["items"][0]
    record = TypeAdapter(IncidentRecord).validate_python(item)
    assert (record.incident, record.state) == (make_incident(), PipelineState.RECEIVED)
    assert item["trace_id"] == TRACEPARENT.split("-")[1]


def test_an_incident_that_is_not_there_is_a_problem(api: Api) -> None:
    for path in ("/incidents/nope", "/incidents/nope/events", "/nowhere"):
        response = api.client.get(path)
        assert response.status_code == 404
        assert response.json()["status"] == 404


def test_an_error_inside_is_a_problem_without_a_traceback(api: Api) -> None:
    def broken(incident_id: str) -> None:
        raise RuntimeError("secret detail")

    api.workflows.start = broken  # type: ignore[method-assign]  # a double that breaks
    response = api.client.post("/detections", json=asdict(make_incident()))
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["status"] == 500


def test_ready_tells_whether_workflows_run(api: Api) -> None:
    assert api.client.get("/ready").status_code == 200
    api.workflows.launched = False
    assert api.client.get("/ready").status_code == 503
    assert api.client.get("/health").status_code == 200


def test_the_runbook_is_shown(api: Api) -> None:
    assert api.client.get("/runbook").json() == {"items": [], "total": 0, "limit": 50, "offset": 0}


def test_the_description_names_every_call_with_its_problems(api: Api) -> None:
    description = api.client.get("/openapi.json").json()
    assert set(description["paths"]) == {
        "/detections",
        "/webhook",
        "/webhook/alertmanager",
        "/webhook/grafana",
        "/webhook/pagerduty",
        "/webhook/cloudevents",
        "/incidents",
        "/incidents/{incident_id}",
        "/incidents/{incident_id}/events",
        "/events",
        "/incidents/{incident_id}/approve",
        "/incidents/{incident_id}/reject",
        "/approvals/{token}",
        "/audit",
        "/runbook",
        "/runbook/export",
        "/runbook/import",
        "/incidents/{incident_id}/feedback",
        "/health",
        "/ready",
        "/metrics",
    }
    post = description["paths"]["/webhook"]["post"]
    assert {"202", "413", "422", "500"} <= set(post["responses"])
    assert "application/problem+json" in post["responses"]["422"]["content"]
    assert description["components"]["schemas"]["WebhookAlert"]["examples"]
    assert api.client.get("/docs").status_code == 200
