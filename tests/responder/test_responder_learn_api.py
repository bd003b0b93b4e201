"""Feedback and exchange by the API, on a real database."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api_doubles import Started
from fastapi.testclient import TestClient
from learn_samples import leak
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from pipeline_doubles import proposal

from responder.access import Access, Caller, Role, Tokens
from responder.api import ApiParts, build_app
from responder.incident_record import ActionKind, ActionOutcome, PipelineState, VerificationOutcome
from responder.learn import Runbook
from responder.store import Database, Store

WRONG = {"verdict": "wrong", "who": "alice", "why": "it came back"}
RIGHT = {"verdict": "right", "who": "bob"}


class Api:
    """A responder's API with incidents that ended."""

    def __init__(self, directory: Path, access: Access | None = None) -> None:
        self.database = Database(f"sqlite:///{directory / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
        self.database.open()
        self.now = 2000.0
        self.store = Store.over(self.database)
        self.runbook = self.reopened()
        parts = ApiParts(self.store, Started(), self.runbook, lambda: self.now, RandomIdGenerator())
        self.client = TestClient(build_app(parts, access), base_url="http://responder")

    def reopened(self) -> Runbook:
        return Runbook(self.store.runbook, lambda: self.now)

    def end(self, id_: str, state: PipelineState, **outcomes: VerificationOutcome) -> None:
        """An incident with these actions, one an attempt, and its end, learned."""
        self.store.incidents.receive(replace(leak(), id=id_), self.now)
        for attempt, (action, outcome) in enumerate(outcomes.items(), 1):
            journal = self.store.journal
            journal.begin_action(id_, attempt, proposal(ActionKind(action)), risky=False, at=self.now)
            journal.end_action(id_, attempt, ActionOutcome.SUCCEEDED, "done", at=self.now)
            journal.save_verification(id_, attempt, outcome, "seen")
        self.store.timeline.move(id_, state, "over", key="end", at=self.now)
        record = self.store.records.get(id_)
        assert record is not None
        if state.final:
            self.runbook.learn(record)

    def say(self, id_: str, **body: Any) -> Any:
        self.now += 1
        return self.client.post(f"/incidents/{id_}/feedback", json=body)

    def entry(self) -> dict[str, Any]:
        (entry,) = self.client.get("/runbook").json()["items"]
        return entry  # type: ignore[no-any-return]  # JSON

    def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        items = self.client.get("/audit").json()["items"]
        return [(one["kind"], one["actor"], one["detail"]) for one in items]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(tmp_path)
    yield made
    made.database.close()


def helped(api: Api) -> None:
    api.end(
        "INC-1",
        PipelineState.RESOLVED,
        RESTART=VerificationOutcome.NOT_RECOVERED,
        SCALE_UP=VerificationOutcome.RECOVERED,
    )


def test_wrong_makes_what_helped_a_failure(api: Api) -> None:
    helped(api)
    assert api.entry()["success_rate"] == 1.0
    taken = api.say("INC-1", **WRONG)
    assert taken.status_code == 200
    assert taken.json()["outcomes"] == [
        {"action": "RESTART", "helped": False},
        {"action": "SCALE_UP", "helped": False},
    ]
    entry = api.entry()
    assert (entry["resolved"], entry["unresolved"], entry["success_rate"]) == (0, 1, 0.0)
    assert entry["resolution_time_avg_ms"] is None
    assert [(one["helped"], one["seen"]) for one in entry["actions"]] == [(0, 1), (0, 1)]


def test_the_newest_word_counts_and_outlives_a_restart(api: Api) -> None:
    helped(api)
    api.say("INC-1", **WRONG)
    api.say("INC-1", **RIGHT)
    assert api.entry()["success_rate"] == 1.0
    assert [one.success_rate for one in api.reopened().export()] == [1.0]


def test_the_same_word_again_changes_nothing(api: Api) -> None:
    helped(api)
    first = api.say("INC-1", **WRONG).json()
    assert api.say("INC-1", **WRONG).json() == first
    assert len([kind for kind, _, _ in api.audited() if kind == "feedback"]) == 1


def test_feedback_stands_in_the_trail_and_on_the_timeline(api: Api) -> None:
    helped(api)
    api.say("INC-1", **WRONG)
    assert api.audited()[0] == ("feedback", "alice", {"verdict": "wrong", "why": "it came back"})
    timeline = api.client.get("/incidents/INC-1").json()["timeline"]
    assert timeline[-1]["message"] == "alice says this was wrong: it came back"


def test_right_on_an_escalated_incident_takes_back_that_it_counted_as_a_failure(api: Api) -> None:
    api.end("INC-1", PipelineState.ESCALATED, RESTART=VerificationOutcome.NOT_RECOVERED)
    assert api.entry()["unresolved"] == 1
    assert api.say("INC-1", **RIGHT).json()["outcomes"] == [{"action": "RESTART", "helped": False}]
    assert api.entry()["unresolved"] == 0


def test_feedback_before_the_incident_was_learned_is_not_lost(api: Api) -> None:
    helped(api)
    record = api.store.records.get("INC-1")
    assert record is not None
    api.store.runbook.put({}, api.now, without=["lesson:INC-1"])
    api.say("INC-1", **WRONG)
    api.runbook.learn(record)
    assert api.entry()["unresolved"] == 1


def test_feedback_on_an_incident_that_goes_on_is_refused(api: Api) -> None:
    api.end("INC-1", PipelineState.VERIFYING)
    refused = api.say("INC-1", **WRONG)
    assert refused.status_code == 409
    assert "still VERIFYING" in refused.json()["detail"]


@pytest.mark.parametrize("body", [{"verdict": "maybe", "who": "a"}, {"verdict": "right"}, {"who": "a"}])
def test_feedback_that_says_nothing_or_by_nobody_is_refused(api: Api, body: dict[str, str]) -> None:
    helped(api)
    assert api.say("INC-1", **body).status_code == 422
    assert api.say("INC-2", **WRONG).status_code == 404


def test_what_one_exports_another_imports(api: Api, tmp_path: Path) -> None:
    helped(api)
    runbook = api.client.get("/runbook/export").json()
    (tmp_path / "other").mkdir()
    other = Api(tmp_path / "other")
    answer = other.client.post("/runbook/import?who=carol", json=runbook)
    assert (answer.status_code, answer.json()) == (200, {"added": 1, "known": 0})
    assert other.client.get("/runbook/export").json() == runbook
    assert other.audited() == [("runbook_imported", "carol", {"entries": 1, "types": ["memory_oom"]})]
    assert other.client.post("/runbook/import", json=runbook).json() == {"added": 0, "known": 1}
    assert [one.imported for one in other.reopened().export()] == [True]
    other.database.close()


def test_a_refused_import_says_which_entry_and_what_to_change_and_takes_none(api: Api) -> None:
    helped(api)
    runbook = api.client.get("/runbook/export").json()
    good, bad = runbook["entries"][0], dict(runbook["entries"][0], common_actions=["RESTRAT"])
    refused = api.client.post("/runbook/import", json={"version": 1, "entries": [good, bad]})
    assert refused.status_code == 422
    assert "body.entries.1.common_actions.0: Input should be 'RESTART'" in refused.json()["detail"]
    assert api.client.get("/runbook").json()["total"] == 1


def test_operators_give_feedback_and_import_under_their_tokens_name_and_viewers_only_look(
    tmp_path: Path,
) -> None:
    callers = [
        (hashlib.sha256(role.encode()).digest(), Caller(f"{role}-1", role))
        for role in (Role.VIEWER, Role.OPERATOR)
    ]
    api = Api(tmp_path, Access(tokens=Tokens(callers)))
    helped(api)
    calls = {
        "GET /runbook": None,
        "GET /runbook/export": None,
        "POST /runbook/import": {"version": 1, "entries": []},
        "POST /incidents/INC-1/feedback": WRONG,
    }
    answered: dict[str, list[int]] = {}
    for call, body in calls.items():
        method, path = call.split()
        for token in ("", "viewer", "operator"):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = api.client.request(method, path, json=body, headers=headers)
            answered.setdefault(call, []).append(answer.status_code)
    assert answered == {
        "GET /runbook": [401, 200, 200],
        "GET /runbook/export": [401, 200, 200],
        "POST /runbook/import": [401, 403, 200],
        "POST /incidents/INC-1/feedback": [401, 403, 200],
    }
    trail = api.client.get("/audit", headers={"Authorization": "Bearer operator"}).json()["items"]
    assert [one["actor"] for one in trail if one["kind"] == "feedback"] == ["operator-1"]
    api.database.close()
