"""The three members: each answers its own question, with a reason."""

import dataclasses
import math

import decision_samples as samples
import pytest
from decision_samples import NOW, evidence, incident, record, seen

from detector import Incident, IncidentType, Severity
from responder.deliberate import Auditor, CouncilLimits, CouncilMember, SecurityOfficer, SreLead
from responder.diagnose import OfflineAnalyst
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    Case,
    ProposedAction,
    Vote,
    VoteReason,
)

LIMITS = CouncilLimits()
ANALYST = OfflineAnalyst()
SECURITY = SecurityOfficer(LIMITS)
AUDITOR = Auditor(LIMITS, lambda: NOW)
SRE = SreLead(LIMITS, lambda: NOW)
MEMBERS: list[CouncilMember] = [SECURITY, AUDITOR, SRE]

RIGHT = [
    (samples.SURGE, ActionKind.SCALE_UP),
    (samples.BURN, ActionKind.RESTART),
    (samples.LEAK, ActionKind.RESTART),
    (samples.SLOW_PEER, ActionKind.FAILOVER),
    (samples.POOL, ActionKind.RECYCLE_POOL),
    (samples.DISK, ActionKind.CLEANUP),
    (samples.BAD_CONFIGURATION, ActionKind.ROLLBACK),
    (samples.CRASH_LOOP, ActionKind.RESTART),
]
WRONG = [
    (samples.SURGE, ActionKind.RESTART),
    (samples.SURGE, ActionKind.FAILOVER),
    (samples.BURN, ActionKind.RECYCLE_POOL),
    (samples.BURN, ActionKind.FAILOVER),
    (samples.LEAK, ActionKind.CLEANUP),
    (samples.LEAK, ActionKind.RECYCLE_POOL),
    (samples.SLOW_PEER, ActionKind.RESTART),
    (samples.SLOW_PEER, ActionKind.SCALE_UP),
    (samples.POOL, ActionKind.CLEANUP),
    (samples.POOL, ActionKind.FAILOVER),
    (samples.DISK, ActionKind.RESTART),
    (samples.DISK, ActionKind.SCALE_UP),
    (samples.DISK, ActionKind.ROLLBACK),
    (samples.BAD_CONFIGURATION, ActionKind.RESTART),
    (samples.BAD_CONFIGURATION, ActionKind.SCALE_UP),
    (samples.BAD_CONFIGURATION, ActionKind.CLEANUP),
]


def propose(action: ActionKind, target: str = "shop", confidence: float = 0.85) -> ProposedAction:
    return ProposedAction(action, target, "because", confidence)


def ask(member: CouncilMember, case: Case, proposal: ProposedAction) -> Vote:
    return member.vote(case, ANALYST.diagnose(case), proposal)


@pytest.mark.parametrize("member", MEMBERS, ids=lambda m: m.role)
@pytest.mark.parametrize(("of", "action"), RIGHT)
def test_the_right_remedy_gets_every_vote(member: CouncilMember, of: Incident, action: ActionKind) -> None:
    vote = ask(member, samples.case(of), propose(action))

    assert vote.approve, vote.explanation
    assert vote.member is member.role
    assert 0.5 <= vote.confidence <= 1.0


@pytest.mark.parametrize(("of", "action"), WRONG)
def test_a_remedy_that_does_not_act_on_the_evidence_loses_the_sre_lead(
    of: Incident, action: ActionKind
) -> None:
    vote = ask(SRE, samples.case(of), propose(action, confidence=0.97))

    assert not vote.approve
    assert vote.reason is VoteReason.DOES_NOT_FIT


@pytest.mark.parametrize("type_", [t for t in IncidentType if t is not IncidentType.UNKNOWN])
def test_fewer_instances_mend_nothing(type_: IncidentType) -> None:
    of = incident(type_, *samples.LEAK.evidence)

    assert ask(SRE, samples.case(of), propose(ActionKind.SCALE_DOWN)).reason is VoteReason.DOES_NOT_FIT


def test_the_sre_lead_does_not_take_over_the_analysts_confidence() -> None:
    case = samples.case(samples.LEAK)

    sure = ask(SRE, case, propose(ActionKind.RESTART, confidence=0.97))
    less_sure = ask(SRE, case, propose(ActionKind.RESTART, confidence=0.6))

    assert sure.confidence == less_sure.confidence


@pytest.mark.parametrize("confidence", [0.2, math.nan])
def test_a_proposal_below_the_bar_is_refused(confidence: float) -> None:
    vote = ask(SRE, samples.case(samples.LEAK), propose(ActionKind.RESTART, confidence=confidence))

    assert vote.reason is VoteReason.CONFIDENCE_TOO_LOW


def test_a_remedy_with_a_poor_record_is_refused() -> None:
    case = samples.case(samples.LEAK, experience=seen(IncidentType.MEMORY_OOM, (ActionKind.RESTART, 0, 5)))

    vote = ask(SRE, case, propose(ActionKind.RESTART))

    assert vote.reason is VoteReason.POOR_RECORD
    assert "none of 5" in vote.explanation


def test_a_good_record_lifts_a_remedy_over_the_bar() -> None:
    scale_up = propose(ActionKind.SCALE_UP)
    learned = seen(IncidentType.MEMORY_OOM, (ActionKind.SCALE_UP, 6, 0))

    assert not ask(SRE, samples.case(samples.LEAK), scale_up).approve
    assert ask(SRE, samples.case(samples.LEAK, experience=learned), scale_up).approve


def test_a_record_of_another_type_counts_for_nothing() -> None:
    other = seen(IncidentType.DISK_SPACE, (ActionKind.RESTART, 0, 9))

    assert ask(SRE, samples.case(samples.LEAK, experience=other), propose(ActionKind.RESTART)).approve


@pytest.mark.parametrize("member", MEMBERS, ids=lambda m: m.role)
def test_an_action_on_another_service_is_refused_by_all(member: CouncilMember) -> None:
    vote = ask(member, samples.case(samples.LEAK), propose(ActionKind.RESTART, target="shop-db"))

    assert not vote.approve
    assert vote.reason in (VoteReason.TARGET_NOT_OF_INCIDENT, VoteReason.DOES_NOT_FIT)


@pytest.mark.parametrize("member", [SECURITY, AUDITOR], ids=lambda m: m.role)
def test_an_action_that_is_not_in_the_catalogue_is_refused(member: CouncilMember) -> None:
    case = samples.case(samples.LEAK, allowed=frozenset({ActionKind.SCALE_UP}))

    assert ask(member, case, propose(ActionKind.RESTART)).reason is VoteReason.NOT_IN_CATALOGUE


@pytest.mark.parametrize("member", [AUDITOR, SRE], ids=lambda m: m.role)
def test_what_was_tried_in_this_incident_is_refused(member: CouncilMember) -> None:
    case = samples.case(samples.LEAK, tried=(record(ActionKind.RESTART),))

    assert ask(member, case, propose(ActionKind.RESTART)).reason is VoteReason.ALREADY_TRIED


def test_deleting_without_evidence_of_a_short_disk_is_too_risky() -> None:
    vote = ask(SECURITY, samples.case(samples.LEAK), propose(ActionKind.CLEANUP))

    assert vote.reason is VoteReason.TOO_RISKY
    assert "disk" in vote.explanation


def test_interrupting_many_healthy_instances_is_too_risky() -> None:
    one_of_five = incident(
        IncidentType.MEMORY_OOM, evidence("memory", 1, instance="a"), instances=tuple("abcde")
    )
    all_of_two = incident(IncidentType.MEMORY_OOM, evidence("memory", 1), instances=("a", "b"))

    vote = ask(SECURITY, samples.case(one_of_five), propose(ActionKind.RESTART))

    assert vote.reason is VoteReason.TOO_RISKY
    assert "80 %" in vote.explanation
    assert ask(SECURITY, samples.case(all_of_two), propose(ActionKind.RESTART)).approve


def test_healthy_instances_do_not_weigh_while_users_suffer() -> None:
    of = incident(
        IncidentType.MEMORY_OOM,
        evidence("memory", 1, instance="a"),
        evidence("error_ratio", 2, instance="a"),
        instances=("a", "b", "c", "d"),
    )

    assert ask(SECURITY, samples.case(of), propose(ActionKind.RESTART)).approve


def test_risk_must_be_in_proportion_to_severity() -> None:
    rollback = propose(ActionKind.ROLLBACK, confidence=0.5)
    low = dataclasses.replace(samples.BAD_CONFIGURATION, severity=Severity.LOW)
    critical = dataclasses.replace(samples.BAD_CONFIGURATION, severity=Severity.CRITICAL)

    assert ask(SECURITY, samples.case(low), rollback).reason is VoteReason.TOO_RISKY
    assert ask(SECURITY, samples.case(critical), rollback).approve


@pytest.mark.parametrize("severity", [Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL])
@pytest.mark.parametrize(("of", "action"), RIGHT[:-1])
def test_what_the_analyst_proposes_first_is_in_proportion(
    of: Incident, action: ActionKind, severity: Severity
) -> None:
    case = samples.case(dataclasses.replace(of, severity=severity))
    diagnosis = ANALYST.diagnose(case)

    assert diagnosis.proposals[0].action is action
    assert SECURITY.vote(case, diagnosis, diagnosis.proposals[0]).approve


def ran(
    action: ActionKind, seconds_ago: float, against: IncidentType | None = IncidentType.MEMORY_OOM
) -> ActionRecord:
    times = {"started_at": NOW - seconds_ago - 2, "ended_at": NOW - seconds_ago}
    return dataclasses.replace(record(action, **times, verification=None), incident_type=against)


def test_six_incidents_in_five_minutes_are_allowed() -> None:
    earlier = tuple(
        ran(action, seconds)
        for action, seconds in [
            (ActionKind.ROLLBACK, 40),
            (ActionKind.RESTART, 80),
            (ActionKind.CLEANUP, 120),
            (ActionKind.RECYCLE_POOL, 160),
            (ActionKind.FAILOVER, 200),
            (ActionKind.SCALE_UP, 240),
        ]
    )
    case = samples.case(samples.LEAK, recent=earlier)

    for member in (AUDITOR, SRE):
        vote = ask(member, case, propose(ActionKind.RESTART))
        assert vote.approve, vote.explanation


@pytest.mark.parametrize("against", [IncidentType.MEMORY_OOM, None])
def test_a_remedy_needed_again_and_again_against_the_same_fault_loses_the_sre_lead(
    against: IncidentType | None,
) -> None:
    earlier = tuple(ran(ActionKind.RESTART, seconds, against) for seconds in (30, 90, 150))

    vote = ask(SRE, samples.case(samples.LEAK, recent=earlier), propose(ActionKind.RESTART))

    assert vote.reason is VoteReason.POOR_RECORD
    assert "needed 3 times against the same fault" in vote.explanation


@pytest.mark.parametrize("member", [AUDITOR, SRE], ids=lambda m: m.role)
def test_one_remedy_against_different_faults_is_no_flapping(member: CouncilMember) -> None:
    others = (IncidentType.CPU_SPIKE, IncidentType.POD_CRASH_LOOP, IncidentType.UNKNOWN)
    earlier = tuple(ran(ActionKind.RESTART, 30 + 60 * i, against) for i, against in enumerate(others))

    vote = ask(member, samples.case(samples.LEAK, recent=earlier), propose(ActionKind.RESTART))

    assert vote.approve, vote.explanation


def test_one_action_is_limited_per_target_whatever_it_was_for() -> None:
    faults = list(IncidentType)[:5]
    earlier = tuple(ran(ActionKind.RESTART, 30 + 40 * i, fault) for i, fault in enumerate(faults))

    vote = ask(AUDITOR, samples.case(samples.LEAK, recent=earlier), propose(ActionKind.RESTART))

    assert vote.reason is VoteReason.RATE_LIMITED
    assert vote.explanation == "RESTART ran 5 times on this target within 5 min; the limit is 5."


def test_how_near_the_limits_are_is_said() -> None:
    earlier = (ran(ActionKind.RESTART, 60), ran(ActionKind.SCALE_UP, 90))

    vote = ask(AUDITOR, samples.case(samples.LEAK, recent=earlier), propose(ActionKind.RESTART))

    assert vote.explanation == (
        "RESTART is in the catalogue; on this target 1 of at most 5 of its kind ran within 5 min, "
        "and 2 of at most 10 in all."
    )


def test_a_record_of_one_is_said_in_words() -> None:
    once = seen(IncidentType.MEMORY_OOM, (ActionKind.RESTART, 1, 0))

    vote = ask(SRE, samples.case(samples.LEAK, experience=once), propose(ActionKind.RESTART))

    assert "it helped in the one similar incident" in vote.explanation


def test_actions_of_any_kind_are_limited_per_target() -> None:
    kinds = [ActionKind.CLEANUP, ActionKind.FAILOVER, ActionKind.ROLLBACK, ActionKind.RECYCLE_POOL]
    case = samples.case(samples.LEAK, recent=tuple(ran(kinds[i % 4], 20 + 25 * i) for i in range(10)))

    assert ask(AUDITOR, case, propose(ActionKind.RESTART)).reason is VoteReason.RATE_LIMITED


def test_the_same_action_rests_before_it_is_repeated() -> None:
    case = samples.case(samples.LEAK, recent=(ran(ActionKind.RESTART, 4),))

    vote = ask(AUDITOR, case, propose(ActionKind.RESTART))

    assert vote.reason is VoteReason.RATE_LIMITED
    assert "4 s ago" in vote.explanation


@pytest.mark.parametrize(
    "harmless",
    [
        record(ActionKind.RESTART, started_at=NOW - 301, ended_at=NOW - 300),
        record(ActionKind.RESTART, outcome=ActionOutcome.REFUSED),
        record(ActionKind.RESTART, target="shop-db"),
    ],
    ids=["long ago", "refused", "another target"],
)
def test_what_did_not_run_on_the_target_lately_is_not_counted(harmless: ActionRecord) -> None:
    case = samples.case(samples.LEAK, recent=(harmless,) * 12)

    assert ask(AUDITOR, case, propose(ActionKind.RESTART)).approve


@pytest.mark.parametrize("bad", [{"window_s": -1.0}, {"min_fit": 1.5}, {"cool_down_s": math.nan}])
def test_limits_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        CouncilLimits(**bad)
