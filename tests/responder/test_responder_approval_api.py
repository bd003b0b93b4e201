"""Humans by API and by signed link: who may answer what, and that looking changes nothing."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api_doubles import EmptyRunbook, Started
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from pipeline_doubles import make_incident, proposal

from responder.api import ApiParts, build_app
from responder.approval import Approval, ApprovalLinks, Approvals, LinkError
from responder.incident_record import ActionKind, PipelineState
from responder.store import Database, Store

SECRET = b"a secret of sixteen and more"
BODY = {"who": "alice", "why": "seen before"}


class Api:
    def __init__(self, directory: Path, links: ApprovalLinks | None) -> None:
        database = Database(f"sqlite:///{directory / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
        database.open()
        self.now = 2000.0
        self.store = Store.over(database)
        self.approvals = Approvals(database)
        self.warnings: list[str] = []
        parts = ApiParts(
            self.store,
            Started(),
            EmptyRunbook(),
            lambda: self.now,
            RandomIdGenerator(),
            links=links,
            warnings=lambda: self.warnings,
        )
        self.client = TestClient(build_app(parts), raise_server_exceptions=False, base_url="http://responder")
        self.store.incidents.receive(
            replace(make_incident(), summary='<script>alert("memory")</script>'), self.now
        )

    def ask(self, action: ActionKind = ActionKind.RESTART, attempt: int = 1) -> None:
        self.approvals.request(
            "INC-1", attempt, 0, proposal(action), explanation="approve mode", at=2000.0, expires_at=2060.0
        )
        self.store.timeline.move(
            "INC-1", PipelineState.AWAITING_APPROVAL, "asking", key=f"ask{attempt}", at=2000.0
        )

    def post(self, verb: str, **body: Any) -> Any:
        return self.client.post(f"/incidents/INC-1/{verb}", json=BODY | body)

    def expire(self) -> None:
        """What becomes of a request that nobody answered in time."""
        asked = self.approvals.last("INC-1")
        assert asked is not None
        self.approvals.expire(asked, self.now)

    @property
    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.client.get("/incidents/INC-1").json()["approval"]
        return shown

    @property
    def link(self) -> str:
        link: str = self.shown["link"]
        return link

    def confirm(self, link: str, answer: str = "approve", **fields: str) -> Any:
        return self.client.post(link, data=BODY | {"answer": answer} | fields)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = Api(tmp_path, ApprovalLinks(SECRET, "http://responder"))
    yield api
    api.client.close()
    api.store.database.close()


@pytest.mark.parametrize(("verb", "answer"), [("approve", "approved"), ("reject", "rejected")])
def test_an_answer_is_kept_with_who_and_why(api: Api, verb: str, answer: str) -> None:
    api.ask()
    response = api.post(verb)
    assert response.status_code == 200, response.text
    assert response.json() == {
        "incident_id": "INC-1",
        "attempt": 1,
        "action": "RESTART",
        "target": "shop",
        "answer": answer,
        "who": "alice",
    }
    assert (api.shown["answer"], api.shown["why"], api.shown["link"]) == (answer, "seen before", None)
    trail = api.client.get("/audit").json()
    assert [(one["kind"], one["actor"]) for one in trail["items"]] == [
        (answer, "alice"),
        ("approval_requested", "policy"),
    ]
    assert trail["items"][0]["detail"]["why"] == "seen before"


def test_the_trail_comes_in_pages_and_by_incident(api: Api) -> None:
    api.ask()
    api.post("approve")
    page = api.client.get("/audit", params={"limit": 1, "offset": 1}).json()
    assert ([one["seq"] for one in page["items"]], page["total"]) == ([1], 2)
    assert api.client.get("/audit", params={"incident_id": "INC-2"}).json()["total"] == 0


@pytest.mark.parametrize(
    "body", [{"who": ""}, {"who": "a\nb"}, {"who": "x" * 101}, {"why": " "}, {"why": "x" * 1001}]
)
def test_who_and_why_are_bounded(api: Api, body: dict[str, str]) -> None:
    api.ask()
    assert api.post("approve", **body).status_code == 422
    assert api.shown["answer"] is None


def test_what_does_not_wait_cannot_be_answered(api: Api) -> None:
    assert api.post("approve").status_code == 409
    assert api.client.post("/incidents/INC-9/approve", json=BODY).status_code == 404


def test_a_second_answer_is_refused_and_says_who_was_first(api: Api) -> None:
    api.ask()
    api.post("reject")
    response = api.post("approve", who="bob")
    assert response.status_code == 409
    assert "rejected by alice" in response.json()["detail"]


def test_an_answer_to_another_attempt_than_was_seen_is_refused(api: Api) -> None:
    api.ask()
    assert api.post("approve", attempt=2).status_code == 409
    assert api.post("approve", action="SCALE_UP").status_code == 409
    assert api.post("approve", attempt=1, action="RESTART").status_code == 200


def test_after_its_time_nothing_is_answered(api: Api) -> None:
    api.ask()
    api.expire()
    assert api.post("approve").status_code == 409


def test_a_clock_that_was_set_forward_takes_the_answer_from_nobody(api: Api) -> None:
    api.ask()
    api.now += 3600.0
    assert api.confirm(api.link).status_code == 200
    assert api.shown["answer"] == "approved"


def test_an_incident_that_ended_is_not_answered(api: Api) -> None:
    api.ask()
    api.store.timeline.move("INC-1", PipelineState.RESOLVED, "over", key="end", at=2001.0)
    assert api.post("approve").status_code == 409
    assert api.shown["link"] is None


def test_looking_at_a_link_changes_nothing_and_shows_no_markup_of_others(api: Api) -> None:
    api.ask()
    page = api.client.get(api.link)
    assert page.status_code == 200
    assert "RESTART of shop" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert api.client.head(api.link).status_code == 405
    assert api.shown["answer"] is None


@pytest.mark.parametrize(("answer", "kept"), [("approve", "approved"), ("reject", "rejected")])
def test_the_page_behind_a_link_answers(api: Api, answer: str, kept: str) -> None:
    api.ask()
    link = api.link
    assert api.confirm(link, answer).status_code == 200
    assert (api.shown["answer"], api.shown["who"]) == (kept, "alice")
    assert api.confirm(link).status_code == 409
    assert api.client.get(link).status_code == 409


@pytest.mark.parametrize("fields", [{"answer": "maybe"}, {"who": " "}, {"why": ""}])
def test_an_incomplete_answer_of_the_page_is_none(api: Api, fields: dict[str, str]) -> None:
    api.ask()
    assert api.confirm(api.link, **fields).status_code == 409
    assert api.shown["answer"] is None


def test_a_form_of_anything_is_no_answer(api: Api) -> None:
    api.ask()
    for body in (b"", b"\xff\xfe", b"a=1&" * 1000, b'{"answer":"approve"}'):
        assert api.client.post(api.link, content=body).status_code in (409, 422)
    assert api.shown["answer"] is None


def test_a_link_answers_only_the_request_it_was_made_for(api: Api) -> None:
    api.ask()
    link = api.link
    api.post("approve")
    api.ask(ActionKind.SCALE_UP, attempt=2)
    assert api.confirm(link).status_code == 409
    assert api.shown["answer"] is None


def test_a_link_that_ran_out_or_was_changed_answers_nothing(api: Api) -> None:
    api.ask()
    link = api.link
    changed = link[:-2] + ("AA" if not link.endswith("AA") else "BB")
    assert api.confirm(changed).status_code == 404
    api.expire()
    assert api.confirm(link).status_code == 409
    assert api.shown["answer"] == "expired"


def test_without_a_secret_there_are_no_links(tmp_path: Path, api: Api) -> None:
    api.ask()
    token = re.sub(".*/", "", api.link)
    (tmp_path / "other").mkdir()
    plain = Api(tmp_path / "other", None)
    plain.ask()
    assert plain.shown["link"] is None
    assert plain.confirm(f"/approvals/{token}").status_code == 404
    plain.client.close()
    plain.store.database.close()


def test_what_works_only_in_part_is_told_by_ready(api: Api) -> None:
    assert api.client.get("/ready").json() == {"status": "ok", "warnings": []}
    api.warnings = ["the policy before the last change holds on"]
    assert api.client.get("/ready").json()["warnings"] == api.warnings


ASKED = Approval("INC-1", 1, 0, ActionKind.RESTART, "shop", "", 0.0, 60.0)


def token(links: ApprovalLinks, asked: Approval = ASKED) -> str:
    return links.link(asked).rpartition("/")[2]


@given(junk=st.text(max_size=400))
def test_no_text_that_was_not_signed_is_a_link(junk: str) -> None:
    with pytest.raises(LinkError):
        ApprovalLinks(SECRET, "").read(junk)


@given(data=st.data())
def test_no_change_of_a_link_leaves_it_good(data: st.DataObject) -> None:
    links = ApprovalLinks(SECRET, "")
    good = token(links)
    place = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != good[place]))
    try:
        target = links.read(good[:place] + other + good[place + 1 :])
    except LinkError:
        return
    # Only the unused low bits of the last base64 letter of a part may differ.
    assert (target.incident_id, target.attempt, target.action) == ("INC-1", 1, ActionKind.RESTART)


def test_a_link_signed_by_another_secret_is_refused() -> None:
    with pytest.raises(LinkError, match="not signed"):
        ApprovalLinks(b"another secret, also long", "").read(token(ApprovalLinks(SECRET, "")))


def test_links_of_two_requests_differ() -> None:
    links = ApprovalLinks(SECRET, "")
    others = [
        replace(ASKED, attempt=2),
        replace(ASKED, action=ActionKind.SCALE_UP),
        replace(ASKED, incident_id="INC-2"),
        replace(ASKED, expires_at=61.0),
    ]
    assert len({token(links, one) for one in [ASKED, *others]}) == 5
