"""The policy: what it lets be done, when a human is asked, and that no vote gets past it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from decision_samples import ALL_ACTIONS, LEAK, NOW, case
from hypothesis import given
from hypothesis import strategies as st

from responder.incident_record import ActionKind, Case, ProposedAction
from responder.policy import (
    PastAction,
    Policy,
    PolicyDecision,
    PolicyDocument,
    PolicyReason,
    PolicyRuling,
)

RESTART = ActionKind.RESTART


@dataclass
class Past:
    """A history that answers from lists."""

    actions: Sequence[PastAction] = ()
    incidents: Sequence[float] = ()

    def actions_on(self, target: str, since: float) -> Sequence[PastAction]:
        return [one for one in self.actions if one.started_at >= since]

    def incidents_on(self, target: str, since: float) -> Sequence[float]:
        return [one for one in self.incidents if one >= since]


@dataclass
class Touching:
    """A reach that is the same for every action."""

    instances: int | None = 0

    def touches(self, service: str, action: ActionKind) -> int | None:
        return self.instances


def document(mode: str = "auto", timezone: str = "UTC", **entry: Any) -> PolicyDocument:
    return PolicyDocument.model_validate(
        {"version": 1, "timezone": timezone, "services": [{"name": "shop", "mode": mode} | entry]}
    )


def propose(action: ActionKind = RESTART, target: str = "shop", confidence: float = 0.9) -> ProposedAction:
    return ProposedAction(action, target, "it would help", confidence)


def rule(
    of: PolicyDocument | None,
    *,
    past: Past | None = None,
    touches: int | None = 0,
    proposal: ProposedAction | None = None,
    about: Case | None = None,
    now: float = NOW,
) -> PolicyRuling:
    policy = Policy(lambda: of, past or Past(), Touching(touches))
    return policy.rule(about or case(LEAK), proposal or propose(), now)


def action(ago: float, *, kind: ActionKind = RESTART, incident: str = "INC-0") -> PastAction:
    return PastAction(incident, kind, NOW - ago, NOW - ago)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_auto_acts() -> None:
    ruling = rule(document("auto"))
    assert (ruling.decision, ruling.reason) == (PolicyDecision.ACT, PolicyReason.ALLOWED)


def test_approve_asks_for_as_long_as_it_says() -> None:
    ruling = rule(document("approve", approval_timeout_s=60))
    assert (ruling.decision, ruling.reason) == (PolicyDecision.ASK, PolicyReason.NEEDS_APPROVAL)
    assert ruling.approval_timeout_s == 60


def test_observe_says_what_would_have_been_done() -> None:
    ruling = rule(document("observe"))
    assert (ruling.decision, ruling.reason) == (PolicyDecision.REFUSE, PolicyReason.OBSERVE_MODE)
    assert "observe mode: would have done RESTART of shop" in ruling.explanation


def test_without_a_policy_everything_is_observed() -> None:
    ruling = rule(None)
    assert (ruling.decision, ruling.reason) == (PolicyDecision.REFUSE, PolicyReason.NO_POLICY)
    assert "would have done RESTART of shop" in ruling.explanation


def test_a_service_without_an_entry_is_observed() -> None:
    assert rule(document(name="bank")).reason is PolicyReason.NOT_IN_SCOPE


@pytest.mark.parametrize(
    ("name", "namespace", "decision"),
    [
        ("sh*", "*", PolicyDecision.ACT),
        ("shop", "prod", PolicyDecision.ACT),
        ("shop", "pr*", PolicyDecision.ACT),
        ("shop", "staging", PolicyDecision.REFUSE),
        ("SHOP", "*", PolicyDecision.REFUSE),
    ],
)
def test_services_are_named_by_patterns(name: str, namespace: str, decision: PolicyDecision) -> None:
    about = case(replace(LEAK, namespace="prod"))
    assert rule(document(name=name, namespace=namespace), about=about).decision is decision


def test_the_first_entry_that_matches_holds() -> None:
    two = PolicyDocument.model_validate(
        {
            "version": 1,
            "services": [{"name": "shop", "mode": "observe"}, {"name": "*", "mode": "auto"}],
        }
    )
    assert rule(two).reason is PolicyReason.OBSERVE_MODE


def test_an_action_the_entry_does_not_list_is_refused_and_not_offered() -> None:
    of = document(actions=["SCALE_UP"])
    assert rule(of).reason is PolicyReason.ACTION_NOT_ALLOWED
    policy = Policy(lambda: of, Past(), Touching())
    assert policy.allowed(LEAK, ALL_ACTIONS) == {ActionKind.SCALE_UP}


def test_an_action_the_catalogue_does_not_have_is_refused() -> None:
    assert rule(document(), about=case(LEAK, allowed=frozenset())).reason is PolicyReason.NOT_IN_CATALOGUE


def test_doing_nothing_is_nothing_to_permit() -> None:
    assert rule(document(), proposal=propose(ActionKind.NOOP)).decision is PolicyDecision.REFUSE


def test_another_target_is_refused() -> None:
    assert rule(document(), proposal=propose(target="bank")).reason is PolicyReason.TARGET_NOT_OF_INCIDENT


@pytest.mark.parametrize(
    ("touches", "instances", "max_share", "decision"),
    [
        (1, 4, 0.25, PolicyDecision.ACT),
        (2, 4, 0.25, PolicyDecision.REFUSE),
        (1, 1, 0.5, PolicyDecision.REFUSE),
        (1, 1, 1.0, PolicyDecision.ACT),
        (None, 4, 0.99, PolicyDecision.REFUSE),
        (None, 4, 1.0, PolicyDecision.ACT),
        (1, 0, 0.5, PolicyDecision.REFUSE),
        (0, 0, 0.1, PolicyDecision.ACT),
    ],
)
def test_no_more_instances_are_touched_at_once_than_the_policy_allows(
    touches: int | None, instances: int, max_share: float, decision: PolicyDecision
) -> None:
    about = case(replace(LEAK, instances=tuple(f"shop-{i}" for i in range(instances))))
    ruling = rule(document(max_share=max_share), touches=touches, about=about)
    assert ruling.decision is decision
    assert (ruling.reason is PolicyReason.BLAST_RADIUS) == (decision is PolicyDecision.REFUSE)


def test_actions_of_one_kind_are_limited() -> None:
    of = document(cool_down_s=0, limits={"max_same_action": 2, "window_s": 600})
    assert rule(of, past=Past([action(60), action(700)])).decision is PolicyDecision.ACT
    limited = rule(of, past=Past([action(60), action(120)]))
    assert limited.reason is PolicyReason.ACTION_RATE_LIMITED
    assert limited.reason.of_action


def test_a_kind_may_have_a_limit_of_its_own() -> None:
    of = document(cool_down_s=0, limits={"per_action": {"RESTART": 0}})
    assert rule(of).reason is PolicyReason.ACTION_RATE_LIMITED
    assert rule(of, proposal=propose(ActionKind.SCALE_UP)).decision is PolicyDecision.ACT


def test_all_actions_on_a_target_together_are_limited() -> None:
    of = document(cool_down_s=0, limits={"max_actions": 2})
    past = Past([action(60, kind=ActionKind.CLEANUP), action(90, kind=ActionKind.SCALE_UP)])
    ruling = rule(of, past=past)
    assert ruling.reason is PolicyReason.RATE_LIMITED
    assert not ruling.reason.of_action


def test_a_target_rests_between_the_actions_of_two_incidents_and_not_within_one() -> None:
    of = document(cool_down_s=60)
    assert rule(of, past=Past([action(59)])).reason is PolicyReason.COOLING_DOWN
    assert rule(of, past=Past([action(61)])).decision is PolicyDecision.ACT
    assert rule(of, past=Past([action(5, incident=LEAK.id)])).decision is PolicyDecision.ACT


def test_a_flapping_target_is_left_to_a_human_until_the_breaker_closes() -> None:
    of = document(breaker={"incidents": 3, "window_s": 100, "open_s": 500})
    incidents = [NOW - 90, NOW - 50, NOW]
    ruling = rule(of, past=Past(incidents=incidents))
    assert (ruling.decision, ruling.reason) == (PolicyDecision.REFUSE, PolicyReason.FLAPPING)
    assert rule(of, past=Past(incidents=incidents), now=NOW + 499).reason is PolicyReason.FLAPPING
    assert rule(of, past=Past(incidents=incidents), now=NOW + 501).decision is PolicyDecision.ACT
    assert rule(of, past=Past(incidents=[NOW - 150, NOW - 50, NOW])).decision is PolicyDecision.ACT


def test_too_many_actions_open_the_breaker_as_well() -> None:
    of = document(cool_down_s=0, breaker={"actions": 2, "window_s": 100, "open_s": 500})
    assert rule(of, past=Past([action(10), action(80)])).reason is PolicyReason.FLAPPING
    assert rule(of, past=Past([action(10), action(180)])).decision is PolicyDecision.ACT


WINDOW = {"days": ["sat"], "from": "22:00", "to": "04:00"}


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-08-01T21:59:59", False),  # a Saturday
        ("2026-08-01T22:00:00", True),
        ("2026-08-02T03:59:00", True),
        ("2026-08-02T04:00:00", False),
        ("2026-08-02T22:30:00", False),
        ("2026-08-01T02:00:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins_on(moment: str, inside: bool) -> None:
    ruling = rule(document(maintenance=[WINDOW]), now=at(moment))
    assert ruling.decision is (PolicyDecision.ASK if inside else PolicyDecision.ACT)


def test_a_window_is_read_on_the_clock_of_its_time_zone() -> None:
    of = document(timezone="Europe/Berlin", maintenance=[WINDOW])
    assert rule(of, now=at("2026-08-01T20:30:00")).reason is PolicyReason.MAINTENANCE
    own = document(timezone="Europe/Berlin", maintenance=[WINDOW | {"timezone": "UTC"}])
    assert rule(own, now=at("2026-08-01T20:30:00")).decision is PolicyDecision.ACT


def test_a_window_may_forbid_even_what_a_human_would_approve() -> None:
    of = document("approve", maintenance=[WINDOW | {"effect": "observe"}])
    ruling = rule(of, now=at("2026-08-01T23:00:00"))
    assert (ruling.decision, ruling.reason) == (PolicyDecision.REFUSE, PolicyReason.MAINTENANCE)
    assert "would have done RESTART of shop" in ruling.explanation


@pytest.mark.parametrize(
    "refusing",
    [
        document("observe"),
        document(actions=["SCALE_UP"]),
        document(limits={"max_actions": 0}),
        document(limits={"per_action": {"RESTART": 0}}),
        document(name="other"),
        document(breaker={"incidents": 1}),
        document(max_share=0.5),
        document(maintenance=[{"from": "00:00", "to": "00:00", "effect": "observe"}]),
        None,
    ],
    ids=["observe", "actions", "total", "kind", "scope", "breaker", "share", "maintenance", "none"],
)
@given(
    confidence=st.floats(allow_nan=True, allow_infinity=True),
    reason=st.text(max_size=200),
    type_confidence=st.floats(0, 1),
    summary=st.text(max_size=200),
)
def test_nothing_an_analyst_or_a_model_says_turns_a_refusal_into_an_act(
    refusing: PolicyDocument | None, confidence: float, reason: str, type_confidence: float, summary: str
) -> None:
    about = case(replace(LEAK, confidence=type_confidence, summary=summary))
    proposal = ProposedAction(RESTART, "shop", reason, confidence)
    ruling = rule(refusing, about=about, proposal=proposal, touches=1, past=Past(incidents=[NOW]))
    assert ruling.decision is PolicyDecision.REFUSE


@given(
    mode=st.sampled_from(["observe", "approve", "auto"]),
    actions=st.none() | st.lists(st.sampled_from(sorted(ALL_ACTIONS)), unique=True),
    proposal=st.builds(
        propose, st.sampled_from(ActionKind), st.sampled_from(["shop", "bank", ""]), st.floats()
    ),
    ages=st.lists(st.floats(0, 7200), max_size=12),
    max_actions=st.integers(0, 5),
    touches=st.none() | st.integers(0, 5),
)
def test_it_acts_only_within_every_bound_at_once(
    *,
    mode: str,
    actions: list[ActionKind] | None,
    proposal: ProposedAction,
    ages: list[float],
    max_actions: int,
    touches: int | None,
) -> None:
    of = document(
        mode,
        cool_down_s=0,
        limits={"max_actions": max_actions, "max_same_action": 10_000},
        breaker={"actions": 10_000},
        actions=actions,
    )
    past = Past([action(age) for age in ages])
    if rule(of, past=past, proposal=proposal, touches=touches).decision is not PolicyDecision.ACT:
        return
    assert mode == "auto"
    assert proposal.target == "shop"
    assert proposal.action in (ALL_ACTIONS if actions is None else actions)
    assert len([age for age in ages if age <= 3600]) < max_actions
    assert touches == 0  # LEAK has one instance, and half of it is none
