"""A real model on a real OpenAI-compatible server: `pytest -m llm`, with `AEGISOPS_TEST_OPENAI_BASE_URL` set.

`AEGISOPS_TEST_OPENAI_MODEL` names the model (default: the server's own). How good the answer is depends on
the model; what must hold for any of them is that the chain ends in a usable diagnosis, and that its votes
let nothing pass that the rules do not.
"""

import os
import secrets
import time
from collections.abc import Iterator

import decision_samples as samples
import pytest
from decision_samples import case
from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import NoOpTracer

from responder.deliberate import Auditor, Council, CouncilLimits, SecurityOfficer, SreLead
from responder.deliberate.ballot import Ballots
from responder.deliberate.model_member import ModelMember, vote_telling
from responder.diagnose import OfflineAnalyst
from responder.diagnose.llm import (
    AskingConfig,
    Budget,
    ChainConfig,
    CircuitBreaker,
    DiagnosisChain,
    EventLoopThread,
    GuardedProvider,
    ModelAnalyst,
    Price,
    PromptLimits,
    Prompts,
)
from responder.diagnose.llm.openai_compatible import OpenAiCompatible
from responder.incident_record import AttemptOutcome, DiagnosisOutcome, VoteReason
from responder.legibility import Gate

pytestmark = [pytest.mark.llm, pytest.mark.timeout(900)]

CASES = (samples.LEAK, samples.BURN, samples.SURGE, samples.SLOW_PEER, samples.POOL, samples.DISK)


@pytest.fixture
def provider() -> Iterator[GuardedProvider]:
    url = os.environ.get("AEGISOPS_TEST_OPENAI_BASE_URL")
    if not url:
        pytest.fail("set AEGISOPS_TEST_OPENAI_BASE_URL to the server, such as http://127.0.0.1:11434/v1")
    loop = EventLoopThread()
    model = os.environ.get("AEGISOPS_TEST_OPENAI_MODEL", "default")
    server = OpenAiCompatible(loop, name="openai", base_url=url, model=model, api_key="none")
    yield GuardedProvider(
        server,
        Budget(10_000_000, 0.0, Price(), time.monotonic),
        CircuitBreaker(10, 1.0, time.monotonic),
        NoOpTracer(),
        time.monotonic,
    )
    server.close()
    loop.close()


@pytest.fixture
def chain(provider: GuardedProvider) -> DiagnosisChain:
    return DiagnosisChain(
        [provider],
        ModelAnalyst(Prompts(PromptLimits(), new_mark), config=AskingConfig(), gate=Gate()),
        OfflineAnalyst(),
        config=ChainConfig(deadline_s=300.0, provider_deadline_s=300.0),
        clock=time.monotonic,
        meter=NoOpMeter("test"),
    )


def new_mark() -> str:
    return secrets.token_hex(8)


@pytest.mark.parametrize("incident", CASES, ids=lambda one: f"{one.type.value}-{len(one.evidence)}")
def test_a_real_model_ends_in_a_usable_diagnosis(chain: DiagnosisChain, incident: samples.Incident) -> None:
    of = case(incident)
    diagnosis = chain.diagnose(of)
    first = diagnosis.attempts[0]
    print(f"\n{incident.type.value}: {first}\n{diagnosis.root_cause}")  # noqa: T201 - for who runs it by hand
    # The server must have answered; a small model may well answer what cannot be taken.
    assert first.outcome in (AttemptOutcome.ANSWERED, AttemptOutcome.BAD_ANSWER)
    assert diagnosis.outcome is DiagnosisOutcome.FAULT
    assert {one.action for one in diagnosis.proposals} <= of.allowed
    assert {one.target for one in diagnosis.proposals} == {incident.service}
    assert set(diagnosis.citations) <= {one.id for one in incident.evidence}


@pytest.mark.parametrize("incident", [samples.LEAK, samples.DISK], ids=lambda one: one.type.value)
def test_a_real_model_votes_and_lets_nothing_pass_that_the_rules_do_not(
    provider: GuardedProvider, incident: samples.Incident
) -> None:
    of, limits = case(incident), CouncilLimits()
    rules = (
        SecurityOfficer(limits), Auditor(limits, lambda: samples.NOW), SreLead(limits, lambda: samples.NOW)
    )  # fmt: skip
    members = [
        ModelMember(
            one,
            [provider],
            Ballots(PromptLimits(), new_mark),
            deadline_s=240.0,
            clock=time.monotonic,
            telling=vote_telling(NoOpMeter("test")),
        )
        for one in rules
    ]
    diagnosis = OfflineAnalyst().diagnose(of)
    proposal = diagnosis.proposals[0]
    by_rules = Council(rules).decide(of, diagnosis, proposal, 1)
    decision = Council(members, 300.0).decide(of, diagnosis, proposal, 1)
    for known, vote in zip(by_rules.votes, decision.votes, strict=True):
        print(f"\n{incident.type.value}: {vote}")  # noqa: T201 - for who runs it by hand
        assert vote.reason is not VoteReason.NO_ANSWER
        assert known.approve or not vote.approve
        assert vote.answered_by in {"offline", f"openai/{provider.provider.model}"}
