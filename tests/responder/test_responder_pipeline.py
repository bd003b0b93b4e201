"""The state machine, run with plain calls in place of durable steps."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_doubles import Bench, make_evidence, make_incident, proposal

from detector import IncidentType
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    Case,
    DiagnosisOutcome,
    IncidentRecord,
    PipelineState,
    Verdict,
    VerificationOutcome,
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.database.close()


def states(record: IncidentRecord) -> list[str]:
    """The states in order, each named once for each time it was entered."""
    found: list[str] = []
    for event in record.timeline:
        if not found or found[-1] != event.state:
            found.append(event.state)
    return found


def test_an_incident_is_resolved_by_the_best_proposal(bench: Bench) -> None:
    bench.receive()
    record = bench.run()
    assert states(record) == [
        "RECEIVED",
        "ANALYSING",
        "COUNCIL_REVIEW",
        "APPROVED",
        "EXECUTING",
        "VERIFYING",
        "RESOLVED",
    ]
    assert bench.remedies.performed == [(ActionKind.RESTART, 0, "INC-1:1:0")]
    assert record.actions[0].outcome is ActionOutcome.SUCCEEDED
    assert record.actions[0].verification is VerificationOutcome.RECOVERED
    assert record.resolved_at is not None


def test_a_remedy_that_does_not_help_is_followed_by_the_next_best(bench: Bench) -> None:
    bench.verifier.outcomes = [VerificationOutcome.NOT_RECOVERED]
    bench.receive()
    record = bench.run()
    assert states(record)[5:] == [
        "VERIFYING",
        "COUNCIL_REVIEW",
        "APPROVED",
        "EXECUTING",
        "SCALING",
        "VERIFYING",
        "RESOLVED",
    ]
    assert [one.action for one in record.actions] == [ActionKind.RESTART, ActionKind.SCALE_UP]
    assert record.actions[0].verification is VerificationOutcome.NOT_RECOVERED


@pytest.mark.parametrize("seen", [VerificationOutcome.MADE_WORSE, VerificationOutcome.NOT_RECOVERED])
def test_what_did_not_help_is_taken_back_before_the_next_is_tried(
    bench: Bench, seen: VerificationOutcome
) -> None:
    bench.verifier.outcomes = [seen]
    bench.remedies.undoable = frozenset({ActionKind.RESTART})
    bench.remedies.steps = 2
    bench.receive()
    record = bench.run()
    assert bench.remedies.undone == [
        (ActionKind.RESTART, 1, {"pid": "7"}),
        (ActionKind.RESTART, 0, {"pid": "7"}),
    ]
    first, second = record.actions
    assert (first.undo, second.undo) == (ActionOutcome.SUCCEEDED, None)
    assert "RESTART of shop was taken back: step 1 back: succeeded; step 0 back: succeeded" in [
        event.message for event in record.timeline
    ]


def test_what_failed_half_way_is_taken_back(bench: Bench) -> None:
    bench.remedies.outcomes = {ActionKind.RESTART: ActionOutcome.FAILED}
    bench.remedies.undoable = frozenset({ActionKind.RESTART})
    bench.receive()
    assert bench.run().actions[0].undo is ActionOutcome.SUCCEEDED


def test_what_helped_stays(bench: Bench) -> None:
    bench.remedies.undoable = frozenset(ActionKind)
    bench.receive()
    assert bench.run().actions[0].undo is None
    assert bench.remedies.undone == []


def test_what_cannot_be_taken_back_is_told_and_the_next_is_tried(bench: Bench) -> None:
    bench.verifier.outcomes = [VerificationOutcome.MADE_WORSE]
    bench.remedies.undoable = frozenset({ActionKind.RESTART})
    bench.remedies.undo_outcome = ActionOutcome.FAILED
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert record.actions[0].undo is ActionOutcome.FAILED
    assert any("could not be taken back" in event.message for event in record.timeline)


def test_made_worse_counts_as_not_helped(bench: Bench) -> None:
    bench.verifier.outcomes = [VerificationOutcome.MADE_WORSE]
    bench.receive()
    assert [one.action for one in bench.run().actions] == [ActionKind.RESTART, ActionKind.SCALE_UP]


def test_attempts_end_with_a_human(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_attempts=1)
    bench.verifier.outcomes = [VerificationOutcome.NOT_RECOVERED]
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.ESCALATED
    assert len(record.actions) == 1
    bench.store.database.close()


def test_a_failed_action_is_not_verified_and_the_next_is_tried(bench: Bench) -> None:
    bench.remedies.outcomes = {ActionKind.RESTART: ActionOutcome.FAILED}
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert record.actions[0].verification is None
    assert len(bench.verifier.asked) == 1


def test_a_proposal_that_is_not_approved_gives_way_to_the_next(bench: Bench) -> None:
    bench.council.verdicts = {ActionKind.RESTART: Verdict.ESCALATED}
    bench.receive()
    record = bench.run()
    assert [one.verdict for one in record.decisions] == [Verdict.ESCALATED, Verdict.APPROVED]
    assert [one.action for one in record.actions] == [ActionKind.SCALE_UP]
    assert record.actions[0].attempt == 1


def test_a_human_is_called_when_nothing_is_approved(bench: Bench) -> None:
    bench.council.verdicts = dict.fromkeys(ActionKind, Verdict.ESCALATED)
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.ESCALATED
    assert record.actions == ()
    assert len(record.decisions) == 2


def test_two_of_three_act_and_mark_the_action_risky(bench: Bench) -> None:
    bench.council.verdicts = {ActionKind.RESTART: Verdict.APPROVED_RISKY}
    bench.receive()
    assert bench.run().actions[0].risky


def test_what_the_catalogue_does_not_allow_is_never_put_to_the_council(bench: Bench) -> None:
    bench.analyst.proposals = [proposal(ActionKind.ROLLBACK), proposal(ActionKind.RESTART, service="other")]
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.ESCALATED
    assert bench.council.asked == []


def test_a_service_outside_the_catalogue_is_diagnosed_and_not_touched(bench: Bench) -> None:
    bench.receive(make_incident(service="foreign"))
    record = bench.run()
    assert record.state is PipelineState.ESCALATED
    assert record.diagnosis is not None
    assert "catalogue" in record.timeline[-1].message
    assert bench.remedies.performed == []


def test_not_enough_evidence_goes_to_a_human(bench: Bench) -> None:
    bench.analyst.outcome = DiagnosisOutcome.NOT_ENOUGH_EVIDENCE
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.ESCALATED
    assert bench.council.asked == []


def after(bench: Bench, seconds: float, event: Callable[[], object]) -> None:
    """Has `event` happen once, when the pipeline has waited until so long after now."""
    due, left = bench.clock.now + seconds, [event]

    def look() -> None:
        if left and bench.clock.now >= due:
            left.pop()()

    bench.clock.on_sleep = look


def short_of_evidence(bench: Bench, until_revision: int) -> None:
    def look(case: Case) -> None:
        short = case.incident.revision < until_revision
        bench.analyst.outcome = DiagnosisOutcome.NOT_ENOUGH_EVIDENCE if short else DiagnosisOutcome.FAULT

    bench.analyst.on_diagnose = look


def test_evidence_that_comes_a_little_later_is_waited_for(bench: Bench) -> None:
    short_of_evidence(bench, until_revision=2)
    bench.receive()
    after(bench, 6, lambda: bench.receive(make_incident(revision=2)))
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert [case.incident.revision for case in bench.analyst.cases] == [1, 2]
    assert sum("Diagnosis" in event.message for event in record.timeline) == 1


def test_evidence_that_comes_too_late_is_not_waited_for(bench: Bench) -> None:
    short_of_evidence(bench, until_revision=2)
    bench.receive()
    after(bench, 60, lambda: bench.receive(make_incident(revision=2)))
    record = bench.run()
    assert record.state is PipelineState.ESCALATED
    assert record.updated_at - record.received_at == pytest.approx(8, abs=1)


def test_a_fault_that_is_over_while_evidence_is_waited_for_is_resolved(bench: Bench) -> None:
    short_of_evidence(bench, until_revision=99)
    bench.receive()
    after(bench, 5, bench.close_incident)
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert bench.remedies.performed == []


def test_nothing_wrong_is_rejected(bench: Bench) -> None:
    bench.analyst.outcome = DiagnosisOutcome.NOTHING_WRONG
    bench.analyst.proposals = [proposal(ActionKind.NOOP)]
    bench.receive()
    record = bench.run()
    assert states(record)[-2:] == ["COUNCIL_REVIEW", "REJECTED"]
    assert bench.remedies.performed == []


def test_a_fault_that_is_over_before_the_diagnosis_is_resolved_without_action(bench: Bench) -> None:
    bench.receive()
    bench.close_incident()
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert "over by itself" in record.timeline[-1].message
    assert bench.analyst.cases == []


def test_a_fault_that_is_over_while_the_council_deliberates_is_not_acted_on(bench: Bench) -> None:
    bench.council.on_decide = bench.close_incident
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert record.actions == ()


def test_the_newest_revision_is_diagnosed(bench: Bench) -> None:
    bench.receive(make_incident(confidence=0.5))
    news = replace(make_incident(revision=2), evidence=(make_evidence("e1"), make_evidence("e2")))
    bench.clock.on_sleep = lambda: bench.store.incidents.receive(news, bench.clock())
    bench.run()
    assert [one.id for one in bench.analyst.cases[0].incident.evidence] == ["e1", "e2"]


def test_an_unsure_incident_settles_for_the_whole_time(bench: Bench) -> None:
    bench.receive(make_incident(confidence=0.5))
    bench.run()
    assert bench.analyst.cases
    assert bench.clock() == pytest.approx(1004.5)


def test_a_sure_incident_settles_when_one_further_sample_brought_no_news(bench: Bench) -> None:
    bench.receive(make_incident(confidence=0.85))
    bench.run()
    assert bench.clock() == pytest.approx(1003.2)


def test_news_of_a_sure_incident_let_it_settle_longer(bench: Bench) -> None:
    bench.receive(make_incident(confidence=0.85))

    def revise_after_a_second() -> None:
        if bench.clock() >= 1003.0:
            bench.store.incidents.receive(make_incident(revision=2), bench.clock())

    bench.clock.on_sleep = revise_after_a_second
    bench.run()
    assert bench.clock() == pytest.approx(1004.2)


def test_news_without_end_do_not_hold_up_the_diagnosis(bench: Bench) -> None:
    bench.receive(make_incident(confidence=0.95))
    revisions = itertools.count(2)
    bench.clock.on_sleep = lambda: bench.store.incidents.receive(
        make_incident(revision=next(revisions)), bench.clock()
    )
    bench.run()
    assert bench.clock() == pytest.approx(1004.5)


def test_an_error_of_the_pipeline_fails_the_incident_with_its_reason(bench: Bench) -> None:
    def break_down(case: object) -> None:
        raise RuntimeError("the model is gone")

    bench.analyst.on_diagnose = break_down
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.FAILED
    assert "the model is gone" in record.timeline[-1].message


def test_every_end_is_given_to_the_runbook(bench: Bench) -> None:
    bench.receive()
    bench.run()
    assert [one.state for one in bench.runbook.learned] == [PipelineState.RESOLVED]


def test_an_error_of_the_runbook_does_not_unmake_the_end(bench: Bench) -> None:
    bench.runbook.fail = True
    bench.receive()
    assert bench.run().state is PipelineState.RESOLVED


def test_all_steps_of_an_action_are_done_in_order(bench: Bench) -> None:
    bench.remedies.steps = 3
    bench.receive()
    bench.run()
    assert [index for _, index, _ in bench.remedies.performed] == [0, 1, 2]


def test_a_failed_step_ends_the_action(bench: Bench) -> None:
    bench.remedies.steps = 3
    bench.remedies.outcomes = {ActionKind.RESTART: ActionOutcome.FAILED}
    bench.receive()
    bench.run()
    restarts = [index for action, index, _ in bench.remedies.performed if action is ActionKind.RESTART]
    assert restarts == [0]


def test_an_action_that_may_have_taken_effect_is_verified(bench: Bench) -> None:
    bench.remedies.outcomes = {ActionKind.RESTART: ActionOutcome.INTERRUPTED}
    bench.receive()
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert [one.action for one in record.actions] == [ActionKind.RESTART]
    assert "RESTART of shop may or may not have taken effect" in [
        one.message.partition(":")[0] for one in record.timeline
    ]


def test_council_and_analyst_see_what_was_done_to_the_service_before(bench: Bench) -> None:
    bench.receive()
    bench.run()
    bench.receive(make_incident("INC-2"))
    bench.run("INC-2")
    (earlier,) = bench.analyst.cases[-1].recent
    assert (earlier.action, earlier.incident_type) == (ActionKind.RESTART, IncidentType.MEMORY_OOM)
