"""Looking at incidents."""

from dataclasses import dataclass, fields
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel, Field

from detector import Incident
from responder.api.parts import ApiParts
from responder.api.problem import responses
from responder.approval import Answer, Approval, ApprovalLinks
from responder.incident_record import ActionKind, IncidentRecord, PipelineState
from responder.store import IncidentRow

IncidentId = Annotated[str, Path(min_length=1, max_length=200, description="an incident's id, or an alert's")]


class IncidentListed(BaseModel):
    """An incident in a list: its record without diagnosis, votes, actions and timeline.

    Times are seconds since the epoch.
    """

    incident: Incident
    state: PipelineState
    received_at: float
    updated_at: float
    source: str = Field(examples=["detector"])
    resolved_at: float | None
    trace_id: str


class Page(BaseModel):
    """One page of incidents, newest first, and how many there are in all."""

    items: list[IncidentListed]
    total: int
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalShown:
    """The newest request for a human's approval. `link`: a signed link to answer by, while it waits and where
    the responder has a secret to sign with."""

    attempt: int
    action: ActionKind
    target: str
    explanation: str
    requested_at: float
    expires_at: float
    answer: Answer | None
    who: str
    why: str
    answered_at: float | None
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDetail(IncidentRecord):
    """An incident with all that was done about it, and its trace."""

    trace_id: str
    approval: ApprovalShown | None = None


def incidents_router(parts: ApiParts) -> APIRouter:
    """`GET /incidents` and `GET /incidents/{id}`."""
    router = APIRouter(responses=responses(422, 500, 503))

    @router.get("/incidents", tags=["incidents"], summary="Incidents, newest first")
    def list_incidents(
        state: Annotated[PipelineState | None, Query(description="only those in this state")] = None,
        service: Annotated[str | None, Query(max_length=200, description="only of this service")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    ) -> Page:
        """One page of incidents."""
        page = parts.store.incidents.page(limit, offset, state, service)
        items = [_listed(row) for row in page.items]
        return Page(items=items, total=page.total, limit=limit, offset=offset)

    @router.get(
        "/incidents/{incident_id}",
        tags=["incidents"],
        responses=responses(404),
        summary="An incident with all that was done about it",
    )
    def get_incident(incident_id: IncidentId) -> IncidentDetail:
        """The newest revision, diagnosis, votes, actions and timeline."""
        record = parts.store.records.get(incident_id)
        if record is None:
            raise unknown(incident_id)
        known = {one.name: getattr(record, one.name) for one in fields(record)}
        asked = parts.approvals.last(record.incident.id)
        return IncidentDetail(
            **known,
            trace_id=record.incident.trace_id,
            approval=None if asked is None else _shown(asked, record.state, parts.links),
        )

    return router


def unknown(incident_id: str) -> HTTPException:
    """The refusal of an incident that is not there."""
    return HTTPException(
        HTTPStatus.NOT_FOUND, f"There is no incident {incident_id}; GET /incidents lists them"
    )


def _shown(asked: Approval, state: PipelineState, links: ApprovalLinks | None) -> ApprovalShown:
    waits = asked.answer is None and not state.final
    return ApprovalShown(
        attempt=asked.attempt,
        action=asked.action,
        target=asked.target,
        explanation=asked.explanation,
        requested_at=asked.requested_at,
        expires_at=asked.expires_at,
        answer=asked.answer,
        who=asked.who,
        why=asked.why,
        answered_at=asked.answered_at,
        link=links.link(asked) if waits and links is not None else None,
    )


def _listed(row: IncidentRow) -> IncidentListed:
    return IncidentListed(
        incident=row.incident,
        state=row.state,
        received_at=row.received_at,
        updated_at=row.updated_at,
        source=row.source,
        resolved_at=row.resolved_at,
        trace_id=row.incident.trace_id,
    )
