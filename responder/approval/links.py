"""Signed links: whoever holds one may answer the one request it names, until that runs out.

HMAC-SHA256 (RFC 2104) over incident, attempt, action and expiry; nothing is kept on this side. Whether the
request has run out is for who keeps the request to say: a clock that was set must not take it from a human.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from responder.approval.approvals import Approval
from responder.incident_record import ActionKind

MAX_TOKEN = 2_000
_PURPOSE = b"aegisops approval 1:"


class LinkError(Exception):
    """The link cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """What a link is bound to."""

    incident_id: str
    attempt: int
    action: ActionKind


class _Signed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    incident: str = Field(min_length=1, max_length=200)
    attempt: int
    action: ActionKind
    expires: float


class ApprovalLinks:
    """Makes and reads links under `base_url` (no slash at its end), signed with `secret`."""

    def __init__(self, secret: bytes, base_url: str) -> None:
        self._secret = secret
        self._base_url = base_url

    def link(self, asked: Approval) -> str:
        """The address of the page that answers `asked`."""
        signed = _Signed(
            incident=asked.incident_id, attempt=asked.attempt, action=asked.action, expires=asked.expires_at
        )
        content = json.dumps(signed.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()
        return f"{self._base_url}/approvals/{_encoded(content)}.{_encoded(self._signature(content))}"

    def read(self, token: str) -> LinkTarget:
        """What the last part of a link is bound to. Raises `LinkError`."""
        content_text, _, signature_text = token[:MAX_TOKEN].partition(".")
        try:
            content, signature = _decoded(content_text), _decoded(signature_text)
        except (binascii.Error, ValueError) as error:
            raise LinkError("this link is damaged; copy the whole of it") from error
        if not hmac.compare_digest(signature, self._signature(content)):
            raise LinkError("this link is not signed by this responder, or was changed on its way")
        try:
            signed = _Signed.model_validate_json(content)
        except ValidationError as error:  # signed by another version
            raise LinkError("this link is of another version; look for a newer one") from error
        return LinkTarget(signed.incident, signed.attempt, signed.action)

    def _signature(self, content: bytes) -> bytes:
        return hmac.new(self._secret, _PURPOSE + content, hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
