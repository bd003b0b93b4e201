"""Who may call what: tokens, roles, and no route that forgot to ask."""

import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from access_samples import TOKENS, sample_access
from closed_api import NOW, ApiUnderTest, as_role, description
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from pipeline_doubles import make_incident, proposal

from detector.hosting import SettingsError
from responder.access import Caller, Role, Tokens, TokensError, new_token, parse_secrets, token_line
from responder.api import ApiParts, build_app
from responder.approval import ApprovalLinks, Approvals
from responder.audit import AuditTrail
from responder.incident_record import ActionKind, PipelineState
from responder.learn import Runbook
from responder.settings import load_settings

OPEN = {"/health", "/ready", "/approvals/{token}"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(tmp_path, sample_access())
    api.detect(make_incident())
    yield api
    api.close()


def calls() -> list[tuple[str, str]]:
    paths = description()["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods if path not in OPEN]


def ask_for_approval(api: ApiUnderTest) -> Approvals:
    approvals = Approvals(api.store.database)
    approvals.request(
        "INC-1", 1, 0, proposal(ActionKind.RESTART), explanation="asks", at=NOW, expires_at=NOW + 60
    )
    api.store.timeline.move("INC-1", PipelineState.AWAITING_APPROVAL, "asking", key="ask", at=NOW)
    return approvals


@pytest.mark.parametrize(("method", "path"), calls())
def test_without_a_token_nothing_is_answered(api: ApiUnderTest, method: str, path: str) -> None:
    address = path.replace("{incident_id}", "INC-1")
    for headers in ({}, {"Authorization": "Bearer aegis_guessed"}, {"Authorization": "Bearer \xe4"}):
        raw = [(name, value.encode("latin-1")) for name, value in headers.items()]
        response = api.client.request(method, address, headers=raw, json={})
        assert response.status_code == 401, (method, path)
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), calls())
def test_the_description_names_the_schemes_of_each_call(method: str, path: str) -> None:
    described = description()
    call = described["paths"][path][method]
    assert {"token": []} in call["security"]
    assert {"401", "403"} <= set(call["responses"])
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_a_viewer_reads_and_answers_nothing(api: ApiUnderTest) -> None:
    ask_for_approval(api)
    for path in ("/incidents", "/incidents/INC-1", "/runbook", "/audit"):
        assert api.client.get(path, headers=as_role("viewer")).status_code == 200
        assert api.client.get(path, headers=as_role("detector")).status_code == 403
        assert api.client.get(path, headers=as_role("alerts")).status_code == 403
    for verb in ("approve", "reject"):
        response = api.client.post(
            f"/incidents/INC-1/{verb}", json={"why": "I say so"}, headers=as_role("viewer")
        )
        assert response.status_code == 403
        assert "viewer" in response.json()["detail"]
    asked = Approvals(api.store.database).last("INC-1")
    assert asked is not None
    assert asked.answer is None


def test_who_approved_is_whose_token_it_was(api: ApiUnderTest) -> None:
    ask_for_approval(api)
    body = {"who": "the boss", "why": "seen before"}
    response = api.client.post("/incidents/INC-1/approve", json=body, headers=as_role("operator"))
    assert response.status_code == 200
    assert response.json()["who"] == "operator-1"
    records, _ = AuditTrail(api.store.database, lambda: NOW).page(10, 0, "INC-1")
    approved = next(one for one in records if one.kind == "approved")
    assert approved.actor == "operator-1"
    assert "seen before (signed the boss)" in approved.detail
    assert '"token"' in approved.detail


def test_a_token_says_who_without_the_body_saying_it(api: ApiUnderTest) -> None:
    ask_for_approval(api)
    response = api.client.post("/incidents/INC-1/reject", json={"why": "no"}, headers=as_role("operator"))
    assert response.json()["who"] == "operator-1"


def test_without_tokens_the_body_must_say_who(tmp_path: Path) -> None:
    api = ApiUnderTest(tmp_path)
    api.detect(make_incident())
    ask_for_approval(api)
    response = api.client.post("/incidents/INC-1/approve", json={"why": "no"})
    assert response.status_code == 422
    assert "who" in response.json()["detail"]
    api.close()


def test_only_the_detector_reports_detections(api: ApiUnderTest) -> None:
    report = asdict(make_incident("INC-2"))
    for role in ("viewer", "operator", "alerts"):
        assert api.client.post("/detections", json=report, headers=as_role(role)).status_code == 403
    assert api.client.post("/detections", json=report, headers=as_role("detector")).status_code == 202


def test_live_events_are_for_those_who_may_read(tmp_path: Path) -> None:
    api = ApiUnderTest(tmp_path)
    api.detect(make_incident())
    ended = threading.Event()
    ended.set()
    runbook = Runbook(api.store.runbook, lambda: NOW)
    parts = ApiParts(api.store, api.workflows, runbook, lambda: NOW, RandomIdGenerator(), ended)
    with TestClient(build_app(parts, sample_access())) as client:
        for path in ("/events", "/incidents/INC-1/events"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=as_role("alerts")).status_code == 403
            assert client.get(path, headers=as_role("viewer")).status_code == 200
    api.close()


def test_a_signed_link_needs_no_token(tmp_path: Path) -> None:
    api = ApiUnderTest(tmp_path)
    api.detect(make_incident())
    asked = ask_for_approval(api).last("INC-1")
    assert asked is not None
    links = ApprovalLinks(b"a secret of sixteen and more", "http://testserver")
    runbook = Runbook(api.store.runbook, lambda: NOW)
    parts = ApiParts(api.store, api.workflows, runbook, lambda: NOW, RandomIdGenerator(), links=links)
    with TestClient(build_app(parts, sample_access())) as client:
        address = links.link(asked)
        assert client.get(address).status_code == 200
        answer = {"answer": "approve", "who": "alice", "why": "fine"}
        assert client.post(address, data=answer).status_code == 200
        assert client.post(address + "x", data=answer).status_code == 404
    api.close()


def test_tokens_are_kept_as_hashes_with_name_and_role(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    token = new_token(lambda n: "x" * n)
    file.write_text(f"# who may do what\n\n{token_line('alice', Role.OPERATOR, token)}  # ops\n")
    assert token not in file.read_text()
    tokens = Tokens.load(file)
    assert tokens.caller(token) == Caller("alice", Role.OPERATOR)
    assert tokens.caller(token + " ") is None
    assert tokens.caller("") is None


LINE = token_line("alice", Role.VIEWER, "t")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1 to 1000"),
        ("alice viewer", ":1: write a name"),
        (LINE.replace("viewer", "admin"), "'admin' is no role; there are viewer, operator, detector, alerts"),
        (LINE[:-1], "64 digits"),
        (LINE.replace("alice", "al|ce"), "in the name"),
        (f"{LINE}\n{LINE}", ":2: alice is there already"),
    ],
)
def test_a_file_of_tokens_that_cannot_be_used_says_what_to_change(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "tokens"
    file.write_text(text)
    with pytest.raises(TokensError) as error:
        Tokens.load(file)
    assert said in str(error.value)


def test_a_file_of_tokens_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokensError, match="nowhere"):
        Tokens.load(tmp_path / "nowhere")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "example.org"])
def test_another_address_than_loopback_needs_tokens(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_HOST", host)
    with pytest.raises(SettingsError, match=r"aegisops token new.*AEGISOPS_RESPONDER_TOKENS"):
        load_settings()
    monkeypatch.setenv("AEGISOPS_RESPONDER_TOKENS", "tokens")
    assert load_settings().host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_loopback_needs_none(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_HOST", host)
    assert load_settings().tokens is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not JSON"),
        ("[]", "form"),
        ('{"slack": ["0123456789abcdef"]}', "'slack' is no source"),
        ('{"grafana": ["hunter2"]}', "grafana"),
        ('{"grafana": "0123456789abcdef"}', "grafana"),
        ('{"grafana": []}', "grafana"),
    ],
)
def test_secrets_that_cannot_be_used_are_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_WEBHOOK_SECRETS", text)
    with pytest.raises(SettingsError, match=said) as error:
        load_settings()
    assert "AEGISOPS_RESPONDER_WEBHOOK_SECRETS" in str(error.value)
    assert "hunter2" not in str(error.value)
    assert "0123456789abcdef" not in str(error.value)


def test_settings_of_webhooks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_WEBHOOK_SECRETS", '{"grafana": ["0123456789abcdef"]}')
    monkeypatch.setenv("AEGISOPS_RESPONDER_SERVICE_LABELS", "team_service, service")
    monkeypatch.setenv("AEGISOPS_RESPONDER_WEBHOOK_RATE", "5 per second")
    settings = load_settings()
    assert settings.service_labels == ("team_service", "service")
    assert settings.webhook_secrets == parse_secrets('{"grafana": ["0123456789abcdef"]}')
    assert "0123456789abcdef" not in repr(settings)
    for rate in ("fast", "1/year", "0/second"):
        monkeypatch.setenv("AEGISOPS_RESPONDER_WEBHOOK_RATE", rate)
        with pytest.raises(SettingsError, match="WEBHOOK_RATE cannot be used"):
            load_settings()


def test_each_role_has_a_sample() -> None:
    assert set(TOKENS) == set(Role)
