"""Live events: the timelines of incidents as server-sent events, read from the store.

A consumer is served at its own pace, a batch at a time, so a slow one costs no memory; one that does not
read at all is dropped. The event's id is its place in the order of all events, which `Last-Event-ID`
resumes after, also when the responder was restarted meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, WithJsonSchema
from sse_starlette import EventSourceResponse, ServerSentEvent

from responder.api.incidents import IncidentId, unknown
from responder.api.parts import ApiParts
from responder.api.problem import responses
from responder.incident_record import PipelineState
from responder.store import StoredEvent

MAX_STREAMS = 200
_BATCH = 100
_POLL_S = 0.2
_PING_S = 15
_SEND_TIMEOUT_S = 15.0

LastEventId = Annotated[
    int | None,
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 2**53}),  # a header has no null
    Header(alias="Last-Event-ID", ge=0, le=2**53, description="the id of the last event that was seen"),
]


class LiveEvent(BaseModel):
    """The data of an event."""

    incident_id: str
    seq: int
    at: float
    state: PipelineState
    message: str


def events_router(parts: ApiParts) -> APIRouter:
    """`GET /incidents/{id}/events` and `GET /events`."""
    stream = {
        "description": "A stream of events, each with LiveEvent as data",
        "content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/LiveEvent"}}},
    }
    router = APIRouter(
        tags=["events"], responses={200: {**stream, "model": LiveEvent}, **responses(422, 503)}
    )
    streams = 0  # only touched on the event loop

    @router.get(
        "/incidents/{incident_id}/events",
        response_class=EventSourceResponse,
        responses=responses(404),
        summary="An incident's timeline from its beginning, live",
    )
    async def incident_events(
        incident_id: IncidentId, last_event_id: LastEventId = None
    ) -> EventSourceResponse:
        """The events of one incident after `Last-Event-ID`, those to come included."""
        row = await run_in_threadpool(parts.store.incidents.get, incident_id)
        if row is None:
            raise unknown(incident_id)
        return _respond(last_event_id or 0, row.incident.id)

    @router.get("/events", response_class=EventSourceResponse, summary="The timelines of all incidents, live")
    async def all_events(last_event_id: LastEventId = None) -> EventSourceResponse:
        """The events of all incidents after `Last-Event-ID`; without it, those to come."""
        if last_event_id is None:
            last_event_id = await run_in_threadpool(parts.store.timeline.last_cursor)
        return _respond(last_event_id, None)

    def _respond(cursor: int, incident_id: str | None) -> EventSourceResponse:
        if streams >= MAX_STREAMS:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE, f"All {MAX_STREAMS} streams are taken; try again later"
            )
        return EventSourceResponse(
            _follow(cursor, incident_id), ping=_PING_S, send_timeout=_SEND_TIMEOUT_S, sep="\n"
        )

    async def _follow(cursor: int, incident_id: str | None) -> AsyncIterator[ServerSentEvent]:
        nonlocal streams
        streams += 1
        try:
            while not parts.closing.is_set():
                batch = await run_in_threadpool(parts.store.timeline.after, cursor, _BATCH, incident_id)
                for stored in batch:
                    cursor = stored.cursor
                    yield _event(stored)
                if not batch:
                    await asyncio.sleep(_POLL_S)
        finally:
            streams -= 1

    return router


def _event(stored: StoredEvent) -> ServerSentEvent:
    event = stored.event
    live = LiveEvent(
        incident_id=stored.incident_id, seq=event.seq, at=event.at, state=event.state, message=event.message
    )
    return ServerSentEvent(data=live.model_dump_json(), id=str(stored.cursor))
