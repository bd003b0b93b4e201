"""What a model says is taken only where it stays within the case: typed reasons for each refusal."""

import json
from typing import Any

import decision_samples as samples
import pytest
from decision_samples import case, record
from hypothesis import given
from hypothesis import strategies as st
from scripted_llm import FAULT, answer

from detector import IncidentType
from responder.diagnose.llm import BadAnswer, LookUp, Refusal
from responder.diagnose.llm.answer import (
    ModelAnswer,
    ModelWords,
    check,
    check_looks,
    cited_exhibits,
    parsed,
    proposed,
    words,
)
from responder.diagnose.llm.choices import Choices
from responder.diagnose.llm.typed_evidence import exhibits
from responder.diagnose.reading import LogPatterns, Reading
from responder.incident_record import ActionKind, Case

PATTERNS = LogPatterns.load()
DISK = case(samples.DISK)


def choices(of: Case, looks: tuple[LookUp, ...] = ()) -> Choices:
    return Choices.of(of, exhibits(Reading(of.incident, PATTERNS)), looks, 3)


def refused(of: Case, **changes: Any) -> Refusal:
    with pytest.raises(BadAnswer) as caught:
        check(parsed(answer(**changes), ModelAnswer), choices(of))
    return caught.value.reason


def proposal(**changes: Any) -> list[dict[str, Any]]:
    return [{**FAULT["proposals"][0], **changes}]


def test_an_answer_within_the_choices_is_taken() -> None:
    check(parsed(answer(), ModelAnswer), choices(DISK))


@pytest.mark.parametrize("around", ["{}", "Here it is:\n```json\n{}\n```", "<think>{{maybe}}</think>{}"])
def test_the_object_is_found_in_what_stands_around_it(around: str) -> None:
    assert parsed(around.format(answer()), ModelAnswer).incident_type is IncidentType.MEMORY_OOM


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Refusal.NOT_JSON),
        ("RESTART", Refusal.NOT_JSON),
        ('{"outcome": "fault"', Refusal.NOT_JSON),
        ('{"outcome": fault}', Refusal.NOT_JSON),
        ("[" * 5000 + "{" * 5000 + "}", Refusal.NOT_JSON),
        ("{}", Refusal.WRONG_SHAPE),
        (answer(outcome="maybe"), Refusal.WRONG_SHAPE),
        (answer(confidence=1.5), Refusal.WRONG_SHAPE),
        (answer(confidence="NaN"), Refusal.WRONG_SHAPE),
        (answer(incident_type="alien"), Refusal.WRONG_SHAPE),
        (answer(proposals=[{"action": "DELETE_ALL"}]), Refusal.WRONG_SHAPE),
        (answer(approved=True), Refusal.WRONG_SHAPE),
        (answer(root_cause=""), Refusal.WRONG_SHAPE),
        (answer(root_cause="x" * 30_000), Refusal.TOO_LONG),
    ],
)
def test_what_has_not_the_shape_is_refused(text: str, reason: Refusal) -> None:
    with pytest.raises(BadAnswer) as caught:
        parsed(text, ModelAnswer)
    assert caught.value.reason is reason


@given(st.text() | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(json.dumps))
def test_no_text_is_more_than_a_bad_answer(text: str) -> None:
    with pytest.raises(BadAnswer):
        parsed(text, ModelAnswer)


def test_evidence_that_was_not_shown_cannot_be_cited() -> None:
    assert refused(DISK, citations=["e1", "e99"]) is Refusal.UNKNOWN_EVIDENCE


def test_a_fault_without_evidence_is_refused() -> None:
    assert refused(DISK, citations=[]) is Refusal.NOTHING_CITED


def test_logs_alone_are_no_ground() -> None:
    alias = next(one.alias for one in choices(DISK).exhibits if not one.measured)
    assert refused(DISK, citations=[alias]) is Refusal.NOT_MEASURED


def test_an_action_outside_the_catalogue_is_refused() -> None:
    of = case(samples.DISK, allowed=frozenset({ActionKind.CLEANUP}))
    assert refused(of) is Refusal.ACTION_NOT_ALLOWED


def test_doing_nothing_is_no_proposal_of_a_model() -> None:
    assert refused(DISK, proposals=proposal(action="NOOP")) is Refusal.ACTION_NOT_ALLOWED


def test_what_was_tried_in_the_incident_is_not_proposed_again() -> None:
    of = case(samples.DISK, tried=(record(ActionKind.RESTART),))
    assert refused(of) is Refusal.ALREADY_TRIED


@pytest.mark.parametrize("target", ["payments", "", "the_service; payments", "SHOP", "*"])
def test_another_target_is_refused(target: str) -> None:
    assert refused(DISK, proposals=proposal(target=target)) is Refusal.FOREIGN_TARGET


def test_more_confidence_than_the_evidence_carries_is_refused() -> None:
    weak = samples.incident(IncidentType.DISK_SPACE, samples.evidence("disk", score=0.3))
    assert refused(case(weak)) is Refusal.CONFIDENCE_WITHOUT_GROUNDS


def test_confidence_is_held_to_what_the_evidence_carries() -> None:
    weak = case(samples.incident(IncidentType.DISK_SPACE, samples.evidence("disk", score=0.6)))
    said = parsed(answer(), ModelAnswer)
    given_choices = choices(weak)
    check(said, given_choices)
    (one,) = proposed(said, given_choices, cited_exhibits(said.citations, given_choices.exhibits))
    assert one.confidence == 0.6


def test_proposals_without_a_fault_are_refused() -> None:
    assert refused(DISK, outcome="nothing_wrong") is Refusal.WRONG_SHAPE


def test_the_proposals_are_on_the_incidents_service_each_action_once() -> None:
    twice = proposal(action="CLEANUP") + proposal(target="shop") + proposal(action="CLEANUP")
    said = parsed(answer(proposals=twice), ModelAnswer)
    given_choices = choices(DISK)
    check(said, given_choices)
    found = proposed(said, given_choices, cited_exhibits(["e1"], given_choices.exhibits))
    assert [(one.action, one.target) for one in found] == [
        (ActionKind.CLEANUP, "shop"),
        (ActionKind.RESTART, "shop"),
    ]


@pytest.mark.parametrize(
    "look", [{"tool": "logs", "argument": ""}, {"tool": "series", "argument": "../../etc/passwd"}]
)
def test_only_what_is_offered_may_be_asked(look: dict[str, str]) -> None:
    said = parsed(answer(look_further=[look]), ModelAnswer)
    with pytest.raises(BadAnswer) as caught:
        check_looks(said, choices(DISK, (LookUp.SERIES,)))
    assert caught.value.reason is Refusal.LOOK_UP_NOT_OFFERED


def test_words_are_one_bounded_line_without_secrets_that_cites_real_evidence() -> None:
    said = "the_service fails (e1).\n\x1b[31mpassword=hunter2 " + "long " * 500
    text = words(said, choices(DISK))
    assert text.startswith("shop fails [E1].")
    assert "hunter2" not in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) <= 700


def test_a_citation_the_model_made_up_is_not_shown_as_one() -> None:
    assert "[" not in words("It is proven [E99] by (e77).", choices(DISK))


def test_words_have_no_room_for_actions() -> None:
    with pytest.raises(BadAnswer):
        parsed(json.dumps({"root_cause": "x", "citations": ["e1"], "proposals": []}), ModelWords)


def test_the_schema_lets_a_server_enforce_the_choices() -> None:
    of = case(samples.DISK, allowed=frozenset({ActionKind.CLEANUP, ActionKind.RESTART}))
    text = json.dumps(choices(of).schema())
    assert '"enum": ["RESTART", "CLEANUP"]' in text
    assert '"enum": ["the_service"]' in text
    assert "shop" not in text
    assert "look_further" not in text
