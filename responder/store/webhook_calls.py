"""Signed calls of webhooks that were taken in: each only once, also across a restart."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import IntegrityError

from responder.store.schema import webhook_calls


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One signed call: the id its sender gave it, and until when it must be remembered (seconds since the
    epoch): as long as its signature is good."""

    source: str
    id: str
    until: float


class ReplayedError(Exception):
    """The call was taken in already."""


def claim(tx: Connection, call: WebhookCall, at: float) -> None:
    """Remember the call, in the transaction that takes in what it brings. Raises ReplayedError."""
    tx.execute(delete(webhook_calls).where(webhook_calls.c.until < at))
    digest = hashlib.sha256(call.id.encode("utf-8", "surrogatepass")).hexdigest()
    try:
        tx.execute(insert(webhook_calls).values(source=call.source, digest=digest, until=call.until))
    except IntegrityError as error:
        raise ReplayedError from error
