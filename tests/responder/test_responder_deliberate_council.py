"""The council: asks all at once, tallies, and survives members that do not answer."""

import subprocess
import sys
import threading
from collections.abc import Callable

import decision_samples as samples
import pytest

from responder.deliberate import Auditor, Council, CouncilLimits, SecurityOfficer, SreLead
from responder.diagnose import OfflineAnalyst
from responder.incident_record import (
    ActionKind,
    Case,
    CouncilDecision,
    Diagnosis,
    MemberRole,
    ProposedAction,
    Verdict,
    Vote,
    VoteReason,
)

CASE = samples.case(samples.LEAK)
DIAGNOSIS = OfflineAnalyst().diagnose(CASE)
RESTART = ProposedAction(ActionKind.RESTART, "shop", "because", 0.9)


class Scripted:
    """A member that does what it is told."""

    def __init__(self, role: MemberRole, answer: Callable[[], Vote] | bool) -> None:
        self.role = role
        self._answer = answer

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        if callable(self._answer):
            return self._answer()
        reason = VoteReason.SAFE if self._answer else VoteReason.TOO_RISKY
        return Vote(self.role, self._answer, 0.8, reason, "as told")


def council(*answers: Callable[[], Vote] | bool, deadline_s: float = 5.0) -> Council:
    return Council([Scripted(r, a) for r, a in zip(MemberRole, answers, strict=True)], deadline_s)


def decide(by: Council, proposal: ProposedAction = RESTART) -> CouncilDecision:
    return by.decide(CASE, DIAGNOSIS, proposal, 1)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ((True, True, True), Verdict.APPROVED),
        ((True, False, True), Verdict.APPROVED_RISKY),
        ((False, True, False), Verdict.ESCALATED),
        ((False, False, False), Verdict.ESCALATED),
    ],
)
def test_votes_are_tallied(answers: tuple[bool, bool, bool], verdict: Verdict) -> None:
    decision = decide(council(*answers))

    assert decision.verdict is verdict
    assert [vote.member for vote in decision.votes] == list(MemberRole)


def test_doing_nothing_needs_no_votes() -> None:
    noop = ProposedAction(ActionKind.NOOP, "shop", "nothing is wrong", 0.9)

    decision = decide(council(True, True, True), noop)

    assert decision.verdict is Verdict.NO_ACTION
    assert decision.votes == ()


def failing() -> Vote:
    raise RuntimeError("out of order")


def foreign() -> Vote:
    return Vote(MemberRole.SRE_LEAD, True, 0.9, VoteReason.SAFE, "for somebody else")


def boastful() -> Vote:
    return Vote(MemberRole.SECURITY_OFFICER, True, 7.0, VoteReason.SAFE, "quite sure")


@pytest.mark.parametrize("answer", [failing, foreign, boastful])
def test_a_member_without_a_proper_answer_is_a_no(answer: Callable[[], Vote]) -> None:
    asked = council(answer, True, True)

    decision = decide(asked)

    assert decision.votes[0].reason is VoteReason.NO_ANSWER
    assert not decision.votes[0].approve
    assert decision.verdict is Verdict.APPROVED_RISKY
    assert asked.no_answers == {MemberRole.SECURITY_OFFICER: 1}


def test_a_late_member_is_a_no_and_the_others_count() -> None:
    release = threading.Event()

    def hangs() -> Vote:
        release.wait(30)
        raise TimeoutError

    asked = council(True, hangs, True, deadline_s=0.2)
    decision = decide(asked)
    release.set()

    assert decision.verdict is Verdict.APPROVED_RISKY
    assert decision.votes[1].reason is VoteReason.NO_ANSWER
    assert "within 0.2 s" in decision.votes[1].explanation


def test_a_member_that_hangs_again_and_again_is_no_longer_asked() -> None:
    release = threading.Event()
    calls: list[int] = []

    def hangs() -> Vote:
        calls.append(1)
        release.wait(30)
        raise TimeoutError

    asked = council(True, hangs, True, deadline_s=0.1)
    decisions = [decide(asked) for _ in range(6)]
    release.set()

    assert len(calls) == 4
    assert all(d.votes[1].reason is VoteReason.NO_ANSWER for d in decisions)
    assert "hangs" in decisions[-1].votes[1].explanation


def test_members_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=20)

    def meets(role: MemberRole) -> Callable[[], Vote]:
        def answer() -> Vote:
            together.wait()
            return Vote(role, True, 0.9, VoteReason.SAFE, "met the others")

        return answer

    assert decide(council(*(meets(role) for role in MemberRole))).verdict is Verdict.APPROVED


def test_a_hanging_member_does_not_keep_the_process_alive() -> None:
    program = """
import threading, time
from responder.deliberate import Council
from responder.incident_record import *
class Hangs:
    def __init__(self, role): self.role = role
    def vote(self, case, diagnosis, proposal): threading.Event().wait()
d = Diagnosis(DiagnosisOutcome.FAULT, None, "", 0.5, (), (), "test")
c = Council([Hangs(r) for r in MemberRole], 0.05)
print(c.decide(None, d, ProposedAction(ActionKind.RESTART, "s", "", 0.5), 1).verdict)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "escalated"


@pytest.mark.parametrize("roles", [[MemberRole.AUDITOR] * 3, list(MemberRole)[:2]])
def test_each_seat_must_be_taken_once(roles: list[MemberRole]) -> None:
    with pytest.raises(ValueError, match="one member for each"):
        Council([Scripted(role, True) for role in roles])


def test_a_deadline_must_be_positive() -> None:
    with pytest.raises(ValueError, match="deadline_s"):
        council(True, True, True, deadline_s=0.0)


def real_council() -> Council:
    limits = CouncilLimits()

    def clock() -> float:
        return samples.NOW

    return Council([SecurityOfficer(limits), Auditor(limits, clock), SreLead(limits, clock)])


def test_the_offline_members_approve_what_the_evidence_supports() -> None:
    decision = real_council().decide(CASE, DIAGNOSIS, DIAGNOSIS.proposals[0], 1)

    assert decision.verdict is Verdict.APPROVED, decision.votes


def test_a_flapping_target_is_left_to_a_human() -> None:
    flaps = samples.case(
        samples.LEAK,
        recent=tuple(
            samples.record(ActionKind.RESTART, started_at=samples.NOW - s, ended_at=samples.NOW - s + 1)
            for s in (30, 80, 130, 180, 230)
        ),
    )

    assert real_council().decide(flaps, DIAGNOSIS, RESTART, 1).verdict is Verdict.ESCALATED


def test_a_foreign_target_is_left_to_a_human() -> None:
    foreign_target = ProposedAction(ActionKind.RESTART, "shop-db", "because", 0.95)

    assert real_council().decide(CASE, DIAGNOSIS, foreign_target, 1).verdict is Verdict.ESCALATED


def test_a_wrong_action_that_policy_allows_is_risky() -> None:
    case = samples.case(samples.DISK)
    diagnosis = OfflineAnalyst().diagnose(case)

    assert real_council().decide(case, diagnosis, RESTART, 1).verdict is Verdict.APPROVED_RISKY
