"""The catalogue joined with its executors."""

import sys
from pathlib import Path

import pytest

from responder.incident_record import ActionKind, ActionOutcome
from responder.remediate import (
    ActionResult,
    Catalogue,
    CatalogueError,
    DryRun,
    PriorState,
    Remedies,
    StepOutcome,
    load_remedies,
)
from responder.remediate.catalogue import Step
from responder.remediate.declaration import Declared

TEXT = """
version: 1
services:
  shop:
    actions:
      CLEANUP:
        - command: {argv: ["${PYTHON}", -S, -c, "import os; print(os.environ['AEGISOPS_IDEMPOTENCY_KEY'])"]}
      ROLLBACK:
        - command: {argv: ["${PYTHON}", -S, -c, "raise SystemExit(1)"], idempotent: true}
        - command: {argv: ["${PYTHON}", -S, -c, "print('second')"]}
"""


@pytest.fixture
def remedies(tmp_path: Path) -> Remedies:
    path = tmp_path / "catalogue.yaml"
    path.write_text(TEXT)
    return load_remedies(path, {"PYTHON": sys.executable})


def test_what_is_allowed_is_what_is_declared(remedies: Remedies) -> None:
    assert remedies.services() == {"shop"}
    assert remedies.allowed("shop") == {ActionKind.CLEANUP, ActionKind.ROLLBACK}
    assert remedies.allowed("elsewhere") == frozenset()


def test_steps_are_counted_and_done_one_by_one(remedies: Remedies) -> None:
    assert remedies.step_count("shop", ActionKind.ROLLBACK) == 2
    first = remedies.perform("shop", ActionKind.ROLLBACK, 0, "k0")
    second = remedies.perform("shop", ActionKind.ROLLBACK, 1, "k1")
    assert (first.outcome, second.outcome) == (ActionOutcome.FAILED, ActionOutcome.SUCCEEDED)
    assert "second" in second.detail


@pytest.mark.parametrize(
    ("service", "action", "index", "why"),
    [
        ("elsewhere", ActionKind.CLEANUP, 0, "elsewhere is not in the catalogue"),
        ("shop", ActionKind.RESTART, 0, "the catalogue does not declare RESTART for shop"),
        ("shop", ActionKind.CLEANUP, 1, "CLEANUP for shop has no step 1"),
        ("shop", ActionKind.CLEANUP, -1, "CLEANUP for shop has no step -1"),
    ],
)
def test_what_is_not_declared_is_refused(
    remedies: Remedies, service: str, action: ActionKind, index: int, why: str
) -> None:
    assert remedies.step_count(service, action) >= 1
    assert remedies.observe(service, action, index) == {}
    assert remedies.already_done(service, action, index, {}) is StepOutcome.NOT_DONE
    assert remedies.perform(service, action, index, "key") == ActionResult(ActionOutcome.REFUSED, why)


@pytest.mark.parametrize("service", ["shop", "elsewhere"])
def test_doing_nothing_is_always_possible(remedies: Remedies, service: str) -> None:
    assert remedies.step_count(service, ActionKind.NOOP) == 1
    assert remedies.perform(service, ActionKind.NOOP, 0, "key").outcome is ActionOutcome.SUCCEEDED


def test_a_step_is_looked_at_by_its_executor(remedies: Remedies) -> None:
    prior = remedies.observe("shop", ActionKind.ROLLBACK, 0)
    assert remedies.already_done("shop", ActionKind.ROLLBACK, 0, prior) is StepOutcome.NOT_DONE
    assert remedies.already_done("shop", ActionKind.ROLLBACK, 1, prior) is StepOutcome.UNKNOWN


def test_a_dry_run_names_the_step_and_does_not_do_it(remedies: Remedies) -> None:
    dry = remedies.dry_run("shop", ActionKind.CLEANUP, 0)
    assert dry.possible
    assert dry.detail.startswith(f"would run {sys.executable}")


def test_a_dry_run_finds_that_a_program_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(
        "version: 1\nservices: {shop: {actions: {CLEANUP: [{command: {argv: [no-such-program-here]}}]}}}"
    )
    dry = load_remedies(path, {}).dry_run("shop", ActionKind.CLEANUP, 0)
    assert dry == DryRun(False, "no-such-program-here: there is no program no-such-program-here")


def test_a_dry_run_of_what_is_not_declared_says_so(remedies: Remedies) -> None:
    assert remedies.dry_run("shop", ActionKind.NOOP, 0).possible
    assert remedies.dry_run("elsewhere", ActionKind.CLEANUP, 0) == DryRun(
        False, "elsewhere is not in the catalogue"
    )


@pytest.mark.parametrize(
    ("service", "action"),
    [("shop", ActionKind.CLEANUP), ("shop", ActionKind.NOOP), ("elsewhere", ActionKind.CLEANUP)],
)
def test_what_has_no_undo_is_not_taken_back(remedies: Remedies, service: str, action: ActionKind) -> None:
    assert not remedies.can_undo(service, action, 0)
    assert remedies.undo(service, action, 0, {}, "key").outcome is ActionOutcome.REFUSED


class Switch(Declared):
    """A step that can be taken back where it is not `final`."""

    final: bool = False


class SwitchExecutor:
    """A switch that is on once the step is done."""

    def __init__(self) -> None:
        self.undone: list[tuple[PriorState, str]] = []

    def observe(self, step: Switch) -> PriorState:
        return {"switch": "off"}

    def already_done(self, step: Switch, prior: PriorState) -> StepOutcome:
        return StepOutcome.UNKNOWN

    def dry_run(self, step: Switch) -> DryRun:
        return DryRun(True, "would switch it on")

    def perform(self, step: Switch, key: str, prior: PriorState | None = None) -> ActionResult:
        return ActionResult(ActionOutcome.SUCCEEDED, "on")

    def can_undo(self, step: Switch) -> bool:
        return not step.final

    def undo(self, step: Switch, prior: PriorState, key: str) -> ActionResult:
        self.undone.append((prior, key))
        return ActionResult(ActionOutcome.SUCCEEDED, "off")


def test_a_step_is_taken_back_by_its_executor_with_what_was_before() -> None:
    steps = (Step("switch", Switch()), Step("switch", Switch(final=True)))
    executor = SwitchExecutor()
    remedies = Remedies(Catalogue(1, {"shop": {ActionKind.FAILOVER: steps}}, {}), {"switch": executor})
    prior = remedies.observe("shop", ActionKind.FAILOVER, 0)
    assert [remedies.can_undo("shop", ActionKind.FAILOVER, index) for index in (0, 1, 2)] == [
        True,
        False,
        False,
    ]
    assert remedies.undo("shop", ActionKind.FAILOVER, 0, prior, "k") == ActionResult(
        ActionOutcome.SUCCEEDED, "off"
    )
    assert executor.undone == [({"switch": "off"}, "k")]


def test_a_plain_key_travels_as_it_is(remedies: Remedies) -> None:
    assert '"INC-1/1/0"' in remedies.perform("shop", ActionKind.CLEANUP, 0, "INC-1/1/0").detail


@pytest.mark.parametrize("key", ["", "a\r\nX: y", "a\x00b", "ключ", "x" * 10_000, "\ud800"])
def test_any_other_key_travels_as_a_digest(remedies: Remedies, key: str) -> None:
    assert remedies.perform("shop", ActionKind.CLEANUP, 0, key).outcome is ActionOutcome.SUCCEEDED


def test_a_mistake_in_the_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text("version: 1\nservices: 3")
    with pytest.raises(CatalogueError, match=r"catalogue\.yaml, line 2: services"):
        load_remedies(path, {})


def test_a_catalogue_without_services_allows_nothing() -> None:
    assert Remedies(Catalogue(1, {}, {}), {}).allowed("shop") == frozenset()
