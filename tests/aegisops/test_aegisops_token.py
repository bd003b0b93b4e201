"""`aegisops token new`: shown once, kept as a hash; and the command line that sends one."""

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aegisops.cli import app
from aegisops.errors import StackError
from aegisops.settings import load_settings
from responder.access import Caller, Role, Tokens

RUNNER = CliRunner()


def new(*arguments: str) -> tuple[str, str]:
    result = RUNNER.invoke(app, ["token", "new", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.strip(), result.stderr


def test_a_token_is_shown_and_its_line_told(tmp_path: Path) -> None:
    token, told = new("alice", "--role", "operator")
    file = tmp_path / "tokens"
    file.write_text(next(line for line in told.splitlines() if line.startswith("alice ")))
    assert Tokens.load(file).caller(token) == Caller("alice", Role.OPERATOR)
    assert token not in told


def test_tokens_are_added_to_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    first, _ = new("alice", "--role", "operator", "--file", str(file))
    second, _ = new("shop-alerts", "--role", "alerts", "--file", str(file))
    assert first != second
    tokens = Tokens.load(file)
    assert tokens.caller(first) == Caller("alice", Role.OPERATOR)
    assert tokens.caller(second) == Caller("shop-alerts", Role.ALERTS)
    assert first not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "before", "said"),
    [
        ("al ice", "", "is no name"),
        ("alice", f"alice viewer sha256:{'0' * 64}\n", "has a token of alice already"),
        ("alice", "this is no file of tokens\n", "write a name"),
    ],
)
def test_what_cannot_be_added_leaves_the_file_as_it_was(
    tmp_path: Path, name: str, before: str, said: str
) -> None:
    file = tmp_path / "tokens"
    file.write_text(before)
    with pytest.raises(StackError, match=said):
        RUNNER.invoke(
            app, ["token", "new", name, "--role", "viewer", "--file", str(file)], catch_exceptions=False
        )
    assert file.read_text() == before


def test_the_command_line_shows_its_token_and_hides_it_from_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEGISOPS_TOKEN", raising=False)
    assert load_settings().authorization == {}
    monkeypatch.setenv("AEGISOPS_TOKEN", "aegis_mine")
    assert load_settings().authorization == {"Authorization": "Bearer aegis_mine"}
    assert "aegis_mine" not in repr(load_settings())
