"""Answers that a real, very small model gave, as they were recorded: whatever it said, decisions stay sound.

How to record others: docs/real-models.md.
"""

import json
from pathlib import Path
from typing import Any

import decision_samples as samples
import pytest
from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import NoOpTracer
from scripted_llm import ScriptedProvider

from responder.deliberate import Auditor, CouncilLimits, CouncilMember, SecurityOfficer, SreLead
from responder.deliberate.ballot import Ballots
from responder.deliberate.model_member import ModelMember, vote_telling
from responder.diagnose import OfflineAnalyst
from responder.diagnose.llm import (
    AskingConfig,
    Budget,
    ChainConfig,
    CircuitBreaker,
    DiagnosisChain,
    GuardedProvider,
    ModelAnalyst,
    Price,
    PromptLimits,
    Prompts,
)
from responder.incident_record import AttemptOutcome, MemberRole
from responder.legibility import Gate

RECORDED = json.loads((Path(__file__).parent / "recorded" / "smollm2_135m.json").read_text(encoding="utf-8"))
ANSWERS: list[dict[str, Any]] = RECORDED["answers"]
OFFLINE = OfflineAnalyst()


def case_of(answer: dict[str, Any]) -> samples.Case:
    return samples.case(getattr(samples, answer["incident"]))


def provider(*texts: str) -> GuardedProvider:
    return GuardedProvider(
        ScriptedProvider(list(texts)),
        Budget(1_000_000, 1.0, Price(), lambda: 0.0),
        CircuitBreaker(3, 60.0, lambda: 0.0),
        NoOpTracer(),
        lambda: 0.0,
    )


def names(answers: list[dict[str, Any]]) -> list[str]:
    return [f"{one['incident']}-{one.get('member', one['kind'])}" for one in answers]


DIAGNOSES = [one for one in ANSWERS if one["kind"] == "diagnosis"]
VOTES = [one for one in ANSWERS if one["kind"] == "vote"]


@pytest.mark.parametrize("recorded", DIAGNOSES, ids=names(DIAGNOSES))
def test_a_cause_that_is_no_sentence_is_refused_and_the_offline_diagnosis_stands(
    recorded: dict[str, Any],
) -> None:
    chain = DiagnosisChain(
        [provider(recorded["text"])],
        ModelAnalyst(Prompts(PromptLimits(), lambda: "9c1f77aa"), config=AskingConfig(), gate=Gate()),
        OFFLINE,
        config=ChainConfig(),
        clock=lambda: 0.0,
        meter=NoOpMeter("test"),
    )
    diagnosis = chain.diagnose(case_of(recorded))
    known = OFFLINE.diagnose(case_of(recorded))
    assert diagnosis.attempts[0].outcome is AttemptOutcome.BAD_ANSWER
    assert "say in a sentence" in diagnosis.attempts[0].detail
    assert (diagnosis.incident_type, diagnosis.proposals) == (known.incident_type, known.proposals)


@pytest.mark.parametrize("recorded", VOTES, ids=names(VOTES))
def test_a_recorded_vote_is_taken_and_lets_nothing_pass(recorded: dict[str, Any]) -> None:
    limits, of = CouncilLimits(), case_of(recorded)
    rules: list[CouncilMember] = [
        SecurityOfficer(limits), Auditor(limits, lambda: samples.NOW), SreLead(limits, lambda: samples.NOW)
    ]  # fmt: skip
    offline = next(one for one in rules if one.role is MemberRole(recorded["member"]))
    member = ModelMember(
        offline,
        [provider(recorded["text"])],
        Ballots(PromptLimits(), lambda: "9c1f77aa"),
        deadline_s=5.0,
        clock=lambda: 0.0,
        telling=vote_telling(NoOpMeter("test")),
    )
    diagnosis = OFFLINE.diagnose(of)
    known = offline.vote(of, diagnosis, diagnosis.proposals[0])
    vote = member.vote(of, diagnosis, diagnosis.proposals[0])
    assert vote.answered_by == "scripted/scripted-1"
    assert vote.reason.value == json.loads(recorded["text"])["vote"]
    assert known.approve or not vote.approve
