"""Who may send: bearer tokens; and the certificate that senders know this server by."""

import hashlib
import hmac
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MAX_TOKENS = 100
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,1000}=*")  # RFC 6750, and long enough not to be guessed
_SCHEME = "bearer"
WHAT_TO_SEND = "send `Authorization: Bearer TOKEN`, with a token this server knows"


class CredentialsError(ValueError):
    """A file of tokens, a certificate or a key cannot be used; the message says why."""


class BearerTokens:
    """The tokens that senders may show."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._digests = tuple(_digest(token) for token in tokens)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The tokens of a file, one a line: a new one beside the old one while senders change.

        Raises CredentialsError, which never quotes what stands in the file.
        """
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsError(f"{path} cannot be read: {_reason(error)}") from error
        tokens = [line.strip() for line in lines if line.strip()]
        if not 1 <= len(tokens) <= MAX_TOKENS:
            raise CredentialsError(f"{path} has {len(tokens)} tokens and must have 1 to {MAX_TOKENS}")
        if not all(_TOKEN.fullmatch(token) for token in tokens):
            raise CredentialsError(
                f"{path} must have a token on each line, of 16 to 1000 letters, digits and . _ ~ + / -"
            )
        return cls(tokens)

    def allow(self, authorization: str | None) -> bool:
        """Whether this value of the `authorization` header shows one of them."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != _SCHEME:
            return False
        shown = _digest(token.strip())
        found = False
        for known in self._digests:  # all of them, so that the time tells nothing
            found |= hmac.compare_digest(known, shown)
        return found


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate (with those between it and its authority) and its key, both as PEM files."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raises CredentialsError where a server could not use them."""
        for path in (self.certificate, self.key):
            try:
                path.read_bytes()
            except OSError as error:
                raise CredentialsError(f"{path} cannot be read: {_reason(error)}") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # With a password an encrypted key is an error; without one OpenSSL would ask the terminal.
            context.load_cert_chain(self.certificate, self.key, password="none")  # noqa: S106  # see above
        except (ssl.SSLError, ValueError) as error:
            raise CredentialsError(
                f"{self.certificate} and {self.key} are no certificate and its unencrypted key, both as PEM"
            ) from error


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "it is not plain text"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
