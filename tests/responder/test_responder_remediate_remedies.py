"""The catalogue joined with its executors."""

import sys
from pathlib import Path

import pytest

from responder.incident_record import ActionKind, ActionOutcome
from responder.remediate import ActionResult, Catalogue, CatalogueError, Remedies, StepOutcome, load_remedies

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
