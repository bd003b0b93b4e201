"""Policy in the pipeline: refused, asked, answered, run out; and what of it stands in the audit trail."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import metrics
from pipeline_doubles import ACT, ASK, NOT_THIS, OBSERVE, Bench, proposal

from responder.approval import Answer, Approvals, Human, NotWaitingError
from responder.audit import AuditTrail
from responder.incident_record import ActionKind, IncidentRecord, PipelineState, VerificationOutcome
from responder.pipeline import Waiting
from responder.policy import PolicyRuling
from responder.telemetry import PipelineMetrics

ALICE = Human("alice", "seen before", "api")


class Asked:
    """A bench whose incidents that waited are taken up as in the process."""

    def __init__(self, directory: Path) -> None:
        self.bench = Bench(directory)
        self.set_by_s = 0.0
        self.approvals = Approvals(self.bench.store.database)
        self.trail = AuditTrail(self.bench.store.database, self.bench.clock)
        self.waiting = Waiting(
            self.approvals,
            self._resume,
            PipelineMetrics(metrics.NoOpMeterProvider()),
            clock=lambda: self.bench.clock() + self.set_by_s,
            monotonic=self.bench.clock,
        )
        self.resumed: list[tuple[str, int, int]] = []

    def _resume(self, incident_id: str, attempt: int, rank: int) -> None:
        self.resumed.append((incident_id, attempt, rank))
        self.bench.pipeline.go_on(incident_id, attempt, rank)

    def run(self, *rulings: object) -> IncidentRecord:
        self.bench.policy.rulings = list(rulings)  # type: ignore[arg-type]  # rulings of the doubles
        self.bench.receive()
        return self.bench.run()

    def answer(self, answer: Answer, human: Human = ALICE) -> None:
        self.approvals.answer("INC-1", answer, human, at=self.bench.clock())

    def look(self) -> IncidentRecord:
        self.waiting.look()
        return self.bench.record()

    def audited(self) -> list[str]:
        assert self.trail.check().sound
        return [one.kind for one in reversed(self.trail.page(100, 0)[0])]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    asked = Asked(tmp_path)
    yield asked
    asked.bench.store.database.close()


def test_what_is_observed_ends_with_a_recommendation_and_no_action(asked: Asked) -> None:
    record = asked.run(OBSERVE)
    assert record.state is PipelineState.ESCALATED
    assert "observe mode: would have done RESTART of shop" in record.timeline[-1].message
    assert asked.bench.remedies.performed == []
    assert "APPROVED" not in {event.state for event in record.timeline}


@pytest.mark.parametrize("ruling", [ASK, OBSERVE])
def test_who_is_asked_or_looks_on_is_told_what_the_action_would_do(
    asked: Asked, ruling: PolicyRuling
) -> None:
    asked.bench.remedies.steps = 2
    told = [event.message for event in asked.run(ruling).timeline]
    assert told.count("Dry run of RESTART of shop: step 0 would run; step 1 would run") == 1


def test_a_dry_run_says_that_the_action_could_not_be_done_now(asked: Asked) -> None:
    asked.bench.remedies.possible = False
    told = [event.message for event in asked.run(OBSERVE).timeline]
    assert "Dry run of RESTART of shop, which could not be done now: step 0 would run" in told


def test_what_may_be_done_at_once_is_not_rehearsed(asked: Asked) -> None:
    assert not any("Dry run" in event.message for event in asked.run(ACT).timeline)


def test_a_crash_right_after_it_asked_leaves_it_waiting_as_well(asked: Asked) -> None:
    asked.bench.receive()
    now = asked.bench.clock()
    asked.approvals.request(
        "INC-1", 1, 0, proposal(ActionKind.RESTART), explanation="", at=now, expires_at=now + 60
    )
    record = asked.bench.run()
    assert record.state is PipelineState.AWAITING_APPROVAL
    assert record.timeline[-1].message.endswith("approve RESTART of shop, for at most 60 s")
    assert asked.bench.remedies.performed == []


def test_a_refusal_of_one_action_gives_the_next_its_turn(asked: Asked) -> None:
    record = asked.run(NOT_THIS, ACT)
    assert [one.action for one in record.actions] == [ActionKind.SCALE_UP]
    assert record.state is PipelineState.RESOLVED


def test_when_every_action_is_refused_a_human_is_called(asked: Asked) -> None:
    record = asked.run(NOT_THIS)
    assert (record.state, record.actions) == (PipelineState.ESCALATED, ())


def test_a_policy_that_changed_its_mind_before_the_action_is_obeyed(asked: Asked) -> None:
    record = asked.run(ACT, OBSERVE)
    assert record.state is PipelineState.ESCALATED
    assert asked.bench.remedies.performed == []


def test_what_needs_a_human_waits_and_does_nothing(asked: Asked) -> None:
    assert asked.run(ASK).state is PipelineState.AWAITING_APPROVAL
    assert asked.look().state is PipelineState.AWAITING_APPROVAL
    assert asked.resumed == []
    assert asked.bench.remedies.performed == []
    assert asked.bench.runbook.learned == []


def test_what_a_human_approved_is_done_and_verified(asked: Asked) -> None:
    asked.run(ASK)
    asked.answer(Answer.APPROVED)
    record = asked.look()
    assert record.state is PipelineState.RESOLVED
    assert [one.action for one in record.actions] == [ActionKind.RESTART]
    assert any("Approved, by alice" in event.message for event in record.timeline)
    assert asked.audited() == [
        "council_decision",
        "policy_ruling",
        "approval_requested",
        "approved",
        "policy_ruling",
        "action_begun",
        "action_ended",
        "verification",
    ]
    approved = next(one for one in asked.trail.page(100, 0)[0] if one.kind == "approved")
    assert approved.actor == "alice"
    assert "seen before" in approved.detail


def test_it_is_taken_up_once(asked: Asked) -> None:
    asked.run(ASK)
    asked.answer(Answer.APPROVED)
    asked.look()
    asked.look()
    assert asked.resumed == [("INC-1", 1, 0)]


def test_after_an_approved_action_that_did_not_help_a_human_is_asked_again(asked: Asked) -> None:
    asked.bench.verifier.outcomes = [VerificationOutcome.NOT_RECOVERED]
    asked.run(ASK)
    asked.answer(Answer.APPROVED)
    assert asked.look().state is PipelineState.AWAITING_APPROVAL
    asked.answer(Answer.APPROVED)
    record = asked.look()
    assert record.state is PipelineState.RESOLVED
    assert [one.action for one in record.actions] == [ActionKind.RESTART, ActionKind.SCALE_UP]


def test_a_rejection_ends_with_who_and_why(asked: Asked) -> None:
    asked.run(ASK)
    asked.answer(Answer.REJECTED)
    record = asked.look()
    assert record.state is PipelineState.ESCALATED
    assert "alice rejected RESTART of shop: seen before" in record.timeline[-1].message
    assert asked.bench.remedies.performed == []


def test_no_answer_in_time_ends_with_a_human_called(asked: Asked) -> None:
    asked.run(ASK)
    asked.bench.clock.sleep(60.0)
    record = asked.look()
    assert record.state is PipelineState.ESCALATED
    assert "nobody approved RESTART of shop within 60 s" in record.timeline[-1].message
    assert "approval_expired" in asked.audited()
    with pytest.raises(NotWaitingError, match="run out"):
        asked.answer(Answer.APPROVED)


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("set_by_s", [3600.0, -3600.0])
def test_a_clock_that_is_set_changes_nothing_of_the_time_to_answer(
    asked: Asked, set_by_s: float, seen: bool
) -> None:
    asked.run(ASK)
    if seen:
        asked.look()
    asked.set_by_s = set_by_s
    asked.look()
    asked.bench.clock.sleep(59.0)
    assert asked.look().state is PipelineState.AWAITING_APPROVAL
    asked.bench.clock.sleep(1.0)
    assert asked.look().state is PipelineState.ESCALATED


def test_a_clock_that_is_behind_after_a_restart_gives_no_more_time_than_there_was(asked: Asked) -> None:
    asked.run(ASK)
    asked.set_by_s = -3600.0
    asked.look()
    asked.bench.clock.sleep(60.0)
    assert asked.look().state is PipelineState.ESCALATED


def test_what_ends_by_itself_while_it_waits_is_resolved(asked: Asked) -> None:
    asked.run(ASK)
    asked.bench.close_incident()
    assert asked.look().state is PipelineState.RESOLVED
    assert asked.bench.remedies.performed == []


@pytest.mark.parametrize("now", [OBSERVE, NOT_THIS])
def test_what_a_human_approved_is_still_held_to_the_policy(asked: Asked, now: object) -> None:
    asked.run(ASK)
    asked.answer(Answer.APPROVED)
    asked.bench.policy.rulings = [now]  # type: ignore[list-item]  # a ruling of the doubles
    assert asked.look().state is PipelineState.ESCALATED
    assert asked.bench.remedies.performed == []


def test_a_rejection_holds_although_the_policy_acts_by_itself_meanwhile(asked: Asked) -> None:
    asked.run(ASK)
    asked.answer(Answer.REJECTED)
    asked.bench.policy.rulings = [ACT]
    assert asked.look().state is PipelineState.ESCALATED


def test_the_first_answer_counts(asked: Asked) -> None:
    asked.run(ASK)
    asked.answer(Answer.REJECTED)
    with pytest.raises(NotWaitingError, match="rejected by alice already"):
        asked.answer(Answer.APPROVED, Human("bob", "hurry", "api"))


def test_an_answer_to_another_request_than_was_seen_is_refused(asked: Asked) -> None:
    asked.run(ASK)
    with pytest.raises(NotWaitingError, match="waits for RESTART in attempt 1"):
        asked.approvals.answer(
            "INC-1", Answer.APPROVED, ALICE, at=asked.bench.clock(), attempt=2, action=ActionKind.RESTART
        )


def test_the_workflow_that_asked_does_not_go_on_beside_the_one_that_was_answered(asked: Asked) -> None:
    asked.run(ASK)
    asked.answer(Answer.APPROVED)
    asked.bench.policy.rulings = [ACT]
    asked.bench.pipeline.run("INC-1")  # as after a crash before the end of its step was kept
    assert asked.bench.remedies.performed == []
