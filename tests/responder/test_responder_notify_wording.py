"""Messages: what they say, and that nothing hostile or garbled in an incident gets through."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline_doubles import make_incident

from detector import Incident
from responder.approval import Approval, ApprovalLinks
from responder.incident_record import ActionKind, PipelineState
from responder.legibility import Gate
from responder.notify import Message, Urgency, Wording
from responder.notify.neutral import neutral
from responder.notify.wording import Change

URL = "http://ops.example"
ASKED = Approval("INC-1", 1, 0, ActionKind.RESTART, "shop", "A human must agree. Memory leaks", 0.0, 3600.0)
GATE = Gate()
WORDING = Wording(URL, ApprovalLinks(b"a secret of sixteen and more", URL), GATE)


def worded(state: PipelineState, said: str = "", incident: Incident | None = None) -> Message:
    asked = ASKED if state is PipelineState.AWAITING_APPROVAL else None
    return WORDING.message(Change(incident or make_incident(), state, said, asked))


def test_a_request_says_what_is_wrong_what_is_proposed_and_until_when() -> None:
    message = worded(PipelineState.AWAITING_APPROVAL)
    assert message.title == "Approve RESTART of shop?"
    assert message.text == (
        "Memory of shop is at its limit. The council is for RESTART of shop. A human must agree. Memory "
        "leaks. Unless somebody approves or rejects it by 01:00 UTC, the incident is escalated."
    )
    assert message.approval_link is not None
    assert message.approval_link.startswith(f"{URL}/approvals/")
    assert message.incident_url == f"{URL}/incidents/INC-1"
    assert (message.urgency, message.topic) == (Urgency.WARNING, "INC-1")


def test_without_links_a_request_names_the_command_to_answer_by() -> None:
    change = Change(make_incident(), PipelineState.AWAITING_APPROVAL, "", ASKED)
    message = Wording(URL, None, GATE).message(change)
    assert message.approval_link is None
    assert message.text.endswith("Answer with: aegisops incidents approve INC-1")


@pytest.mark.parametrize(
    ("state", "urgency", "title"),
    [
        (PipelineState.ESCALATED, Urgency.FAILURE, "A human is needed: shop"),
        (PipelineState.FAILED, Urgency.FAILURE, "The pipeline failed: shop"),
        (PipelineState.RESOLVED, Urgency.SUCCESS, "Resolved: shop"),
        (PipelineState.COUNCIL_REVIEW, Urgency.INFO, "Council review: shop"),
    ],
)
def test_a_change_is_told_by_what_the_timeline_says_of_it(
    state: PipelineState, urgency: Urgency, title: str
) -> None:
    message = worded(state, "Nothing that was tried helped (RESTART of shop)")
    assert (message.urgency, message.title) == (urgency, title)
    assert message.text == (
        "Nothing that was tried helped (RESTART of shop). Memory of shop is at its limit."
    )
    assert message.approval_link is None


def test_garbled_text_is_said_in_words_of_ours() -> None:
    incident = replace(make_incident(), summary="memory exhaustionn of bbuggу-app killloccurred")
    message = worded(PipelineState.ESCALATED, "helpp", incident)
    assert message.text == "The incident of shop is ESCALATED. shop shows what looks like memory oom."


HOSTILE = (
    "@channel <!here> <@U123> @everyone see https://evil.example/x or www.evil.example "
    "[here](http://evil.example) mailto:eve@evil.example password=hunter2222\r\nBcc: eve"
)


def test_text_of_others_calls_nobody_and_has_nothing_to_click() -> None:
    text = neutral(HOSTILE, 400)
    assert not set("@<>[]`\r\n") & set(text)
    assert "://" not in text
    assert "www." not in text
    assert "hunter2222" not in text
    assert "(at)channel" in text


@pytest.mark.parametrize("name", ["process.memory.usage:value", "shop.prod.svc", "buggy-app", "GET /cart"])
def test_names_stay_as_they_are(name: str) -> None:
    assert neutral(f"{name} at 412 MB", 100) == f"{name} at 412 MB"


@given(
    text=st.text(min_size=1, max_size=300)
    | st.sampled_from([HOSTILE, "://", "@", "\uff20here", "http:\u202e//x"])
)
@settings(max_examples=200, deadline=None)
def test_whatever_an_incident_says_stays_plain_text_of_one_line_each(text: str) -> None:
    incident = replace(make_incident(), id=text, service=text, summary=text)
    asked = replace(ASKED, incident_id=text, target=text, explanation=text)
    for change in (
        Change(incident, PipelineState.ESCALATED, text),
        Change(incident, PipelineState.AWAITING_APPROVAL, text, asked),
    ):
        message = WORDING.message(change)
        shown = f"{message.title} {message.text}"
        assert shown.isprintable()
        assert not set("@<>[]`") & set(shown)
        assert "://" not in shown
        assert len(shown) < 3_000
        assert re.fullmatch(rf"{URL}/incidents/[\w.~%-]+", message.incident_url or "")
