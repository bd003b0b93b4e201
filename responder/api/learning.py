"""What was learned: shown, given to other responders, taken from them, and set right by humans."""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import Connection

from responder.api.incidents import IncidentId, unknown
from responder.api.parts import ApiParts
from responder.api.problem import responses
from responder.audit import AuditKind, append_record
from responder.incident_record import IncidentRecord
from responder.learn import (
    ExchangedRunbook,
    Feedback,
    FeedbackVerdict,
    ImportResult,
    RunbookEntry,
)
from responder.learn.exchange import MAX_EXCHANGED
from responder.learn.lesson import Attempt
from responder.store.incidents import find_row
from responder.store.timeline import append_event, order_events

MAX_WHY = 1_000
_IMPORT = "runbook"  # stands in the audit trail where else an incident's id does

Who = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$"),
]


class Named(Protocol):
    """Whoever a token belongs to."""

    @property
    def name(self) -> str:
        """As in the file of tokens."""
        ...


class RunbookPage(BaseModel):
    """One page of the runbook, the surest first, and how many entries there are."""

    items: list[RunbookEntry]
    total: int
    limit: int
    offset: int


class FeedbackGiven(BaseModel):
    """What a human says of an ended incident. `who`: not needed with a token, which says whose it is."""

    verdict: FeedbackVerdict
    who: Who | None = Field(None, examples=["alice"])
    why: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=MAX_WHY, pattern=r"^[^\x00]*$")
    ] = Field("", examples=["it came back an hour later"])


class FeedbackTaken(BaseModel):
    """The newest word of a human, and what the runbook now takes each action of the incident for."""

    incident_id: str
    verdict: FeedbackVerdict
    who: str
    why: str
    outcomes: list[Attempt]


def nobody() -> Named | None:
    """The caller, where calls carry no token."""
    return None


def learning_router(parts: ApiParts, caller: Callable[..., Named | None] = nobody) -> APIRouter:
    """`GET /runbook`, `GET /runbook/export`, `POST /runbook/import`, `POST /incidents/{id}/feedback`.

    `caller`: the dependency that lets a call pass and says whose it is.
    """
    router = APIRouter(responses=responses(422, 500, 503, 507))

    @router.get("/runbook", tags=["runbook"], summary="What was learned, the surest first")
    def get_runbook(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    ) -> RunbookPage:
        """One page of the runbook."""
        entries = parts.runbook.export()
        items = entries[offset : offset + limit]
        return RunbookPage(items=items, total=len(entries), limit=limit, offset=offset)

    @router.get("/runbook/export", tags=["runbook"], summary="The runbook, for another responder")
    def export_runbook() -> ExchangedRunbook:
        """All entries, the surest first, in the form that import takes."""
        entries = parts.runbook.export()[:MAX_EXCHANGED]
        return ExchangedRunbook(entries=tuple(entry.exchanged for entry in entries))

    @router.post(
        "/runbook/import",
        tags=["runbook"],
        responses=responses(400, 413),
        summary="Take in what another responder learned",
    )
    def import_runbook(
        runbook: ExchangedRunbook,
        holder: Annotated[Named | None, Depends(caller)],
        who: Annotated[Who | None, Query(description="who imports, where no token says it")] = None,
    ) -> ImportResult:
        """All entries or, where one cannot be used, none. They are marked as imported, and a few outcomes
        seen here count for more."""
        at = parts.clock()
        actor = who or "unnamed" if holder is None else holder.name
        detail = {
            "entries": len(runbook.entries),
            "types": sorted({one.incident_type for one in runbook.entries}),
        }
        key = f"{_IMPORT}:import:{_digest(runbook.model_dump_json(), actor, at)}"

        def note(tx: Connection) -> None:
            append_record(tx, AuditKind.RUNBOOK_IMPORTED, _IMPORT, actor, detail, key=key, at=at)

        return parts.runbook.take_in(runbook, also=note)

    @router.post(
        "/incidents/{incident_id}/feedback",
        tags=["runbook"],
        responses=responses(400, 404, 409, 413),
        summary="Say whether what was done was right",
    )
    def give_feedback(
        incident_id: IncidentId, given: FeedbackGiven, holder: Annotated[Named | None, Depends(caller)]
    ) -> FeedbackTaken:
        """The newest word counts. `wrong`: nothing done in the incident helped. `right`: what was seen
        stands, and where a human was called, that was right."""
        record = parts.store.records.get(incident_id)
        if record is None:
            raise unknown(incident_id)
        if not record.state.final:
            raise HTTPException(
                HTTPStatus.CONFLICT,
                f"Incident {record.incident.id} is still {record.state}; wait for its end",
            )
        who = given.who if holder is None else holder.name
        if who is None:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "body.who: say who you are")
        feedback = Feedback(given.verdict, who, given.why, parts.clock())
        lesson = parts.runbook.take_feedback(record, feedback, also=lambda tx: _note(tx, record, feedback))
        return FeedbackTaken(
            incident_id=record.incident.id,
            verdict=given.verdict,
            who=who,
            why=given.why,
            outcomes=list(lesson.outcomes),
        )

    return router


def _note(tx: Connection, record: IncidentRecord, feedback: Feedback) -> None:
    """On the incident's timeline and in the audit trail, with the lesson it changes or not at all."""
    incident_id = record.incident.id
    key = f"feedback:{_digest(feedback.verdict, feedback.who, feedback.why, feedback.at)}"
    order_events(tx)
    find_row(tx, incident_id, lock=True)
    said = f"{feedback.who} says this was {feedback.verdict}" + (f": {feedback.why}" if feedback.why else "")
    append_event(tx, incident_id, record.state, said, key=key, at=feedback.at)
    detail = {"verdict": feedback.verdict.value, "why": feedback.why}
    append_record(
        tx, AuditKind.FEEDBACK, incident_id, feedback.who, detail, key=f"{incident_id}:{key}", at=feedback.at
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:16]
