"""A remedy that does not help is seen failing, and followed by one that does."""

from pathlib import Path

import pytest
from running_stack import replicas, warm_stack

from responder.incident_record import ActionKind, ActionOutcome, VerificationOutcome

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_a_wrong_first_action_fails_verification_and_the_right_one_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_FORCE_FIRST_ACTION", ActionKind.RESTART)
    with warm_stack(tmp_path / "s") as running:
        (result,) = running.demo.run(["disk_space"])
    assert result.problem is None, result
    assert [(action.action, action.verification) for action in result.actions] == [
        (ActionKind.RESTART, VerificationOutcome.NOT_RECOVERED),
        (ActionKind.CLEANUP, VerificationOutcome.RECOVERED),
    ]


def test_replicas_that_did_not_help_are_taken_away_again_before_the_right_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_FORCE_FIRST_ACTION", ActionKind.SCALE_UP)
    with warm_stack(tmp_path / "s") as running:
        before = replicas(running.stack)
        (result,) = running.demo.run(["disk_space"])
        assert replicas(running.stack) == before
    assert result.problem is None, result
    assert [(action.action, action.undo) for action in result.actions] == [
        (ActionKind.SCALE_UP, ActionOutcome.SUCCEEDED),
        (ActionKind.CLEANUP, None),
    ]
