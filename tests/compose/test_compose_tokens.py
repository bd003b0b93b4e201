"""The first tokens, made beside responder and detector."""

from pathlib import Path

from responder.access import Role, Tokens
from responder.access.__main__ import main


def token(directory: Path, name: str) -> str:
    return (directory / name / "token").read_text().strip()


def test_each_token_is_known_to_the_responder_by_its_role(tmp_path: Path) -> None:
    assert main(tmp_path) == 0
    tokens = Tokens.load(tmp_path / "responder" / "tokens")
    roles = {
        name: caller.role
        for name in ("detector", "operator")
        if (caller := tokens.caller(token(tmp_path, name)))
    }
    assert roles == {"detector": Role.DETECTOR, "operator": Role.OPERATOR}


def test_the_responder_is_given_no_token_itself(tmp_path: Path) -> None:
    main(tmp_path)
    hashes = (tmp_path / "responder" / "tokens").read_text()
    assert token(tmp_path, "operator") not in hashes
    assert [path.name for path in (tmp_path / "responder").iterdir()] == ["tokens"]


def test_only_their_owner_reads_them(tmp_path: Path) -> None:
    main(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*/token*")} == {0o600}


def test_they_stay_as_they_are_at_the_next_start(tmp_path: Path) -> None:
    main(tmp_path)
    before = token(tmp_path, "operator")
    assert main(tmp_path) == 0
    assert token(tmp_path, "operator") == before


def test_an_interrupted_start_is_made_good(tmp_path: Path) -> None:
    main(tmp_path)
    (tmp_path / "responder" / "tokens").unlink()
    assert main(tmp_path) == 0
    assert Tokens.load(tmp_path / "responder" / "tokens").caller(token(tmp_path, "detector"))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, capsys: object) -> None:
    (tmp_path / "detector").write_text("a file")
    assert main(tmp_path) == 1
