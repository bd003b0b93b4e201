"""Commands that are imported when they are called look and work as if they were there from the beginning."""

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from aegisops.cli import app

DEFERRED = get_command(app).deferred  # type: ignore[attr-defined]  # it is a DeferringGroup


@pytest.mark.parametrize("name", DEFERRED)
def test_each_is_listed_in_the_words_it_has_itself(name: str) -> None:
    assert DEFERRED[name].load().help == DEFERRED[name].help


@pytest.mark.parametrize("name", DEFERRED)
def test_each_answers_when_it_is_called(name: str) -> None:
    answer = CliRunner().invoke(app, [name, "--help"])
    assert answer.exit_code == 0
    assert f"{name} [OPTIONS]" in answer.stdout
    assert DEFERRED[name].help[:40] in answer.stdout


def test_a_name_that_is_nearly_one_of_them_is_told_so() -> None:
    answer = CliRunner().invoke(app, ["tokn"])
    assert answer.exit_code == 2
    assert "token" in answer.stderr


def test_the_list_of_commands_needs_none_of_them() -> None:
    script = (
        "import sys, aegisops.cli as c\n"
        "try: c.app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('sqlalchemy', 'apprise', 'alembic', 'sklearn') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "incidents" in told
    assert told.splitlines()[-1] == "[]"
