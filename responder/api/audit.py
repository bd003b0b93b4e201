"""Looking at the audit trail."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from responder.api.parts import ApiParts
from responder.api.problem import responses
from responder.audit import AuditRecord


class AuditEntry(BaseModel):
    """One record; `hash` is of all the rest, and `previous` that of the record before."""

    seq: int
    at: float
    kind: str
    incident_id: str
    actor: str
    key: str
    detail: dict[str, Any]
    previous: str
    hash: str


class AuditPage(BaseModel):
    """One page of the trail, newest first, and how many records there are."""

    items: list[AuditEntry]
    total: int
    limit: int
    offset: int


def audit_router(parts: ApiParts) -> APIRouter:
    """`GET /audit`."""
    router = APIRouter(tags=["audit"], responses=responses(422, 500, 503))

    @router.get("/audit", summary="Who decided and did what, newest first")
    def get_audit(
        incident_id: Annotated[str | None, Query(max_length=200, description="only of this incident")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    ) -> AuditPage:
        """One page of the trail; `aegisops audit verify` checks that it is whole."""
        records, total = parts.trail.page(limit, offset, incident_id)
        return AuditPage(items=[_entry(one) for one in records], total=total, limit=limit, offset=offset)

    return router


def _entry(record: AuditRecord) -> AuditEntry:
    try:
        detail = json.loads(record.detail)
    except ValueError:  # changed behind our back: shown as it is, and `audit verify` says so
        detail = {"unreadable": record.detail}
    return AuditEntry(
        seq=record.seq,
        at=record.at,
        kind=record.kind,
        incident_id=record.incident_id,
        actor=record.actor,
        key=record.key,
        detail=detail if isinstance(detail, dict) else {"unreadable": record.detail},
        previous=record.previous,
        hash=record.hash,
    )
