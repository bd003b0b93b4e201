"""Signed webhooks: HMAC-SHA256 (RFC 2104) over what was sent, in the three forms that senders use.

| source     | headers                                          | signed                    | its id        |
| ---------- | ------------------------------------------------ | ------------------------- | ------------- |
| grafana    | X-Grafana-Alerting-Signature, -Timestamp         | timestamp ":" body        | the signature |
| pagerduty  | X-PagerDuty-Signature: v1=…,v1=…                 | body                      | event.id      |
| all others | webhook-id, webhook-timestamp, webhook-signature | id "." timestamp "." body | webhook-id    |

The last one is Standard Webhooks. PagerDuty signs no time; that of the event in the body stands for it, with
a wider window, as PagerDuty goes on trying for a long time.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from responder.store import WebhookCall

SIGNATURE_WINDOW_S = 300.0
PAGERDUTY_WINDOW_S = 24 * 3600.0
_MAX_HEADER = 2_000
_MAX_SIGNATURES = 10
_MAX_ID = 200
_STANDARD_SECRET = "whsec_"  # noqa: S105 - the prefix that marks a secret as base64, not a secret

Headers = Mapping[str, str]


class SignatureError(Exception):
    """The call is not from who it should be, or too old; the message says what is missing."""


def signed_call(
    source: str, secrets: Iterable[SecretStr], headers: Headers, body: bytes, now: float
) -> WebhookCall:
    """The call, when one of `secrets` signed it within the window. Raises SignatureError."""
    keys = [secret.get_secret_value() for secret in secrets]
    form = {"grafana": _grafana, "pagerduty": _pagerduty}.get(source, _standard)
    return form(source, keys, headers, body, now)


def _standard(source: str, keys: list[str], headers: Headers, body: bytes, now: float) -> WebhookCall:
    call, sent, given = (
        _header(headers, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    if len(call) > _MAX_ID:
        raise SignatureError(f"webhook-id is longer than {_MAX_ID} characters")
    _check_time(sent, now)
    content = f"{call}.{sent}.".encode("latin-1", "replace") + body
    signatures = [one.removeprefix("v1,") for one in given.split() if one.startswith("v1,")]
    _check(signatures, [_standard_key(key) for key in keys], content, _from_base64)
    return WebhookCall(source, call, now + 2 * SIGNATURE_WINDOW_S)


def _grafana(source: str, keys: list[str], headers: Headers, body: bytes, now: float) -> WebhookCall:
    given = _header(headers, "x-grafana-alerting-signature")
    sent = _header(headers, "x-grafana-alerting-timestamp")
    _check_time(sent, now)
    _check([given], [key.encode() for key in keys], f"{sent}:".encode("latin-1", "replace") + body, _from_hex)
    return WebhookCall(source, given.lower(), now + 2 * SIGNATURE_WINDOW_S)


class _PagerDutyEvent(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1, max_length=_MAX_ID)
    occurred_at: datetime


class _PagerDutyBody(BaseModel):
    model_config = ConfigDict(extra="ignore")

    event: _PagerDutyEvent


def _pagerduty(source: str, keys: list[str], headers: Headers, body: bytes, now: float) -> WebhookCall:
    given = _header(headers, "x-pagerduty-signature")
    signatures = [
        one.strip().removeprefix("v1=") for one in given.split(",") if one.strip().startswith("v1=")
    ]
    _check(signatures, [key.encode() for key in keys], body, _from_hex)
    try:
        event = _PagerDutyBody.model_validate(json.loads(body)).event
    except (ValidationError, ValueError) as error:
        raise SignatureError(
            "the body has no event.id and event.occurred_at, which prove that it is new"
        ) from error
    if event.occurred_at.tzinfo is None or abs(now - event.occurred_at.timestamp()) > PAGERDUTY_WINDOW_S:
        raise SignatureError("event.occurred_at is not within a day of now")
    return WebhookCall(source, event.id, now + 2 * PAGERDUTY_WINDOW_S)


def _header(headers: Headers, name: str) -> str:
    value = headers.get(name, "")
    if not value:
        raise SignatureError(f"the header {name} is missing")
    if len(value) > _MAX_HEADER:
        raise SignatureError(f"the header {name} is longer than {_MAX_HEADER} characters")
    return value


def _check_time(sent: str, now: float) -> None:
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise SignatureError("the timestamp is not in whole seconds since the Unix epoch")
    if abs(now - int(sent)) > SIGNATURE_WINDOW_S:
        raise SignatureError(f"the timestamp is not within {SIGNATURE_WINDOW_S:.0f} s of now")


def _check(given: list[str], keys: list[bytes], content: bytes, read: Callable[[str], bytes | None]) -> None:
    expected = [hmac.new(key, content, hashlib.sha256).digest() for key in keys]
    matched = False
    for text in given[:_MAX_SIGNATURES]:
        signature = read(text)
        for one in expected:
            matched |= signature is not None and hmac.compare_digest(signature, one)
    if not matched:
        raise SignatureError("no signature of the body fits a secret of this source")


def _standard_key(secret: str) -> bytes:
    if secret.startswith(_STANDARD_SECRET):
        return _from_base64(secret.removeprefix(_STANDARD_SECRET)) or secret.encode()
    return secret.encode()


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _from_hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
