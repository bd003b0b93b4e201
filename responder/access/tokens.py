"""Bearer tokens and their roles, kept as hashes in a text file.

One token a line: name, role, `sha256:` and the hash in hex; `#` begins a comment. A token is 256 random bits,
so that a plain hash is enough: there is nothing to guess.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

MAX_TOKENS = 1_000
_BYTES = 32
_PREFIX = "aegis_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


class Role(StrEnum):
    """What a token is for. An operator may all that a viewer may; the last two may nothing but that."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    DETECTOR = "detector"
    ALERTS = "alerts"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token a call carries."""

    name: str
    role: Role


class TokensError(Exception):
    """The file of tokens cannot be used; the message names the line and says what to change."""


class Tokens:
    """The callers, by the hashes of their tokens."""

    def __init__(self, callers: Iterable[tuple[bytes, Caller]]) -> None:
        self._callers = tuple(callers)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The tokens of the file. Raises TokensError."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise TokensError(f"The file of tokens {path} cannot be read ({error}).") from error
        known: dict[str, tuple[bytes, Caller]] = {}
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            digest, caller = _entry(words, f"{path}:{number}")
            if caller.name in known:
                raise TokensError(
                    f"{path}:{number}: {caller.name} is there already: give each a name of its own."
                )
            known[caller.name] = (digest, caller)
        if not 0 < len(known) <= MAX_TOKENS:
            raise TokensError(
                f"{path} has {len(known)} tokens; it must have 1 to {MAX_TOKENS}. "
                "`aegisops token new NAME --role operator --file …` adds one."
            )
        return cls(known.values())

    @property
    def names(self) -> frozenset[str]:
        """Who has one."""
        return frozenset(caller.name for _, caller in self._callers)

    def caller(self, token: str) -> Caller | None:
        """Whose token it is."""
        digest = _digest(token)
        found = None
        for known, caller in self._callers:  # all of them, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                found = caller
        return found


def new_token(random: Callable[[int], str]) -> str:
    """A token. `random(n)`: text of n random bytes, fit for a URL (`secrets.token_urlsafe`)."""
    return _PREFIX + random(_BYTES)


def token_line(name: str, role: Role, token: str) -> str:
    """The line of the file for a token. Raises TokensError for a name that cannot be used."""
    if not _NAME.fullmatch(name):
        raise TokensError(f"{name!r} is no name: use 1 to 64 letters, digits and . _ @ -, no other first.")
    return f"{name} {role} sha256:{_digest(token).hex()}"


def _entry(words: list[str], where: str) -> tuple[bytes, Caller]:
    if len(words) != 3:
        raise TokensError(f"{where}: write a name, a role and sha256:…, with spaces between them.")
    name, role, digest = words
    matched = _HASH.fullmatch(digest)
    if matched is None:
        raise TokensError(
            f"{where}: the third word must be sha256: and 64 digits of hex, as `aegisops token new` says."
        )
    if not _NAME.fullmatch(name):
        raise TokensError(f"{where}: use 1 to 64 letters, digits and . _ @ - in the name.")
    if role not in tuple(Role):
        raise TokensError(f"{where}: {role!r} is no role; there are {', '.join(Role)}.")
    return bytes.fromhex(matched[1]), Caller(name, Role(role))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
