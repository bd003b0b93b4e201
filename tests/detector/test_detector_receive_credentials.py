"""Bearer tokens, certificates, and what is said of those that cannot be used."""

from pathlib import Path

import pytest
from certificates import self_signed

from detector.receive import BearerTokens, CredentialsError, TlsFiles

TOKEN = "aegis_0123456789abcdef"


def tokens_file(directory: Path, text: str) -> Path:
    path = directory / "tokens"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_token_of_the_file_is_allowed(tmp_path: Path) -> None:
    tokens = BearerTokens.load(tokens_file(tmp_path, f"\n{TOKEN}\n  other+token/0123456789==  \n"))
    assert tokens.allow(f"Bearer {TOKEN}")
    assert tokens.allow("bearer other+token/0123456789==")


@pytest.mark.parametrize(
    "shown", [None, "", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", f"Bearer {TOKEN}x", "Bearer \ud800"]
)
def test_nothing_else_is_allowed(shown: str | None) -> None:
    assert not BearerTokens([TOKEN]).allow(shown)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 0 tokens"),
        ("\n".join(f"{TOKEN}{number}" for number in range(101)), "has 101 tokens"),
        ("short", "16 to 1000"),
        (f"{TOKEN} and more", "16 to 1000"),
        (f"{TOKEN}é", "not plain text"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_not_what_stands_in_it(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(CredentialsError, match=reason) as refused:
        BearerTokens.load(tokens_file(tmp_path, text))
    assert TOKEN not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="nowhere cannot be read: No such file"):
        BearerTokens.load(tmp_path / "nowhere")


def test_a_certificate_with_its_key_can_be_used(tmp_path: Path) -> None:
    made = self_signed(tmp_path)
    TlsFiles(made.certificate, made.key).check()


def test_a_key_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    made = self_signed(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(CredentialsError, match="no certificate and its unencrypted key"):
        TlsFiles(made.certificate, self_signed(other).key).check()


def test_an_encrypted_key_is_refused_and_asks_nobody(tmp_path: Path) -> None:
    made = self_signed(tmp_path, password="hunter22")
    with pytest.raises(CredentialsError, match="unencrypted"):
        TlsFiles(made.certificate, made.key).check()


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="nowhere cannot be read: No such file"):
        TlsFiles(tmp_path / "nowhere", tmp_path / "nowhere").check()
