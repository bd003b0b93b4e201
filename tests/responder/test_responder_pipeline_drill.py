"""Drills: a forced first action is proposed once, and only where it is allowed."""

from dataclasses import replace

from pipeline_doubles import ScriptedAnalyst, make_incident, proposal

from responder.diagnose import DrillAnalyst
from responder.incident_record import ActionKind, ActionOutcome, ActionRecord, Case, DiagnosisOutcome

CASE = Case(make_incident(), frozenset({ActionKind.RESTART, ActionKind.SCALE_UP}))


def proposed(
    analyst: ScriptedAnalyst, case: Case, action: ActionKind = ActionKind.SCALE_UP
) -> list[ActionKind]:
    return [one.action for one in DrillAnalyst(analyst, action).diagnose(case).proposals]


def test_the_forced_action_comes_first_and_says_that_it_is_a_drill() -> None:
    diagnosis = DrillAnalyst(ScriptedAnalyst(), ActionKind.SCALE_UP).diagnose(CASE)
    assert [one.action for one in diagnosis.proposals] == [ActionKind.SCALE_UP, ActionKind.RESTART]
    assert "Drill" in diagnosis.proposals[0].reason
    assert diagnosis.analyst == "scripted+drill"


def test_it_comes_first_in_the_first_attempt_only() -> None:
    tried = ActionRecord(1, ActionKind.SCALE_UP, "shop", ActionOutcome.SUCCEEDED, "", 1.0)
    assert proposed(ScriptedAnalyst(), replace(CASE, tried=(tried,))) == [ActionKind.RESTART]


def test_it_is_left_out_where_the_catalogue_does_not_allow_it() -> None:
    assert ActionKind.ROLLBACK not in proposed(ScriptedAnalyst(), CASE, ActionKind.ROLLBACK)


def test_it_is_left_out_where_no_fault_is_found() -> None:
    nothing = ScriptedAnalyst([proposal(ActionKind.NOOP)], DiagnosisOutcome.NOTHING_WRONG)
    assert proposed(nothing, CASE) == [ActionKind.NOOP]
