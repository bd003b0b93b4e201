"""One record of the audit trail and its hash."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

GENESIS = "0" * 64
"""Stands where the first record names the one before it."""


class AuditKind(StrEnum):
    """What a record is about."""

    COUNCIL_DECISION = "council_decision"
    POLICY_RULING = "policy_ruling"
    APPROVAL_REQUESTED = "approval_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    APPROVAL_EXPIRED = "approval_expired"
    ACTION_BEGUN = "action_begun"
    ACTION_ENDED = "action_ended"
    VERIFICATION = "verification"
    ACTION_UNDONE = "action_undone"
    FEEDBACK = "feedback"
    RUNBOOK_IMPORTED = "runbook_imported"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """`seq`: from 1 without gaps. `at`: seconds since the epoch. `actor`: who did it, a room of the responder
    or a human. `key`: what makes it one event, however often it is told. `detail`: canonical JSON.
    `previous`: the hash of the record before. `hash`: of all of this."""

    seq: int
    at: float
    kind: str
    incident_id: str
    actor: str
    key: str
    detail: str
    previous: str
    hash: str


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted names, no spaces and ASCII alone: one text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def hash_of(
    *, seq: int, at: float, kind: str, incident_id: str, actor: str, key: str, detail: str, previous: str
) -> str:
    """SHA-256 (hex) of the canonical JSON of a record without its hash."""
    content = {
        "seq": seq,
        "at": at,
        "kind": kind,
        "incident_id": incident_id,
        "actor": actor,
        "key": key,
        "detail": detail,
        "previous": previous,
    }
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()
