"""Signed calls of webhooks that were taken in: each only once, also across a restart."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from responder.store.schema import webhook_calls

_SET_WRONG_S = 24 * 3600.0
"""What was taken in is remembered for so much longer than its signature is good: a clock that is set forward
and back again must not make us forget."""


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One signed call: the id its sender gave it, and until when it must be remembered (seconds since the
    epoch): as long as its signature is good."""

    source: str
    id: str
    until: float


class ReplayedError(Exception):
    """The call was taken in already."""


def refuse_replay(tx: Connection, call: WebhookCall, at: float) -> None:
    """Raises ReplayedError when the call was taken in, and that is still remembered."""
    c = webhook_calls.c
    query = select(c.until).where(c.source == call.source, c.digest == _digest(call), c.until >= at)
    if tx.execute(query).first() is not None:
        raise ReplayedError


def claim(tx: Connection, call: WebhookCall, at: float) -> None:
    """Remember the call, in the transaction that takes in what it brings. Raises ReplayedError."""
    c = webhook_calls.c
    same = and_(c.source == call.source, c.digest == _digest(call), c.until < at)
    tx.execute(delete(webhook_calls).where(or_(same, c.until < at - _SET_WRONG_S)))
    try:
        tx.execute(insert(webhook_calls).values(source=call.source, digest=_digest(call), until=call.until))
    except IntegrityError as error:
        raise ReplayedError from error


def _digest(call: WebhookCall) -> str:
    return hashlib.sha256(call.id.encode("utf-8", "surrogatepass")).hexdigest()
