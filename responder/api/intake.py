"""Where the detector's reports come in."""

import json
import logging
from dataclasses import asdict, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Header, HTTPException
from pydantic import BaseModel, Field

from detector import Incident
from detector.hosting.trace_context import in_trace
from responder.alerts.reported import MAX_ID
from responder.api.examples import INCIDENT
from responder.api.parts import ApiParts, Workflows
from responder.api.problem import responses
from responder.incident_record import PipelineState
from responder.store import Receipt
from responder.telemetry import link_to, moved_event, new_traceparent

_LOG = logging.getLogger(__name__)

MAX_EVIDENCE = 500

Traceparent = Annotated[str | None, Header(max_length=200, description="W3C trace context")]


class Disposition(StrEnum):
    """What became of a report: a new incident, news of one, or nothing that was not known."""

    CREATED = "created"
    UPDATED = "updated"
    KNOWN = "known"


class Accepted(BaseModel):
    """The report is kept, and its incident is worked on."""

    incident_id: str = Field(
        description="the incident it belongs to; another than was sent when that fault was known already",
        examples=["INC-20260801-0001"],
    )
    state: PipelineState
    disposition: Disposition


def intake_router(parts: ApiParts) -> APIRouter:
    """`POST /detections`."""
    router = APIRouter(tags=["intake"], responses=responses(400, 413, 422, 500, 503, 507))

    @router.post("/detections", status_code=HTTPStatus.ACCEPTED, summary="A report of the detector")
    def receive_detection(
        incident: Annotated[Incident, Body(openapi_examples={"memory": {"value": INCIDENT}})],
        traceparent: Traceparent = None,
    ) -> Accepted:
        """Take in an incident; the same id and revision again changes nothing."""
        _check(incident)
        known = new_traceparent(parts.ids, incident.traceparent or traceparent)
        incident = replace(incident, traceparent=known)
        receipt = parts.store.incidents.receive(incident, parts.clock())
        tell_of_receipt(incident, receipt)
        return work_on(receipt, parts.workflows)

    return router


def tell_of_receipt(incident: Incident, receipt: Receipt) -> None:
    """Log a new incident, in its trace."""
    if receipt.created:
        with in_trace(incident.traceparent):
            _LOG.info(
                "%s %s: %s of %s",
                *(incident.id, receipt.state, incident.type, incident.service),
                extra=moved_event(incident, None, receipt.state),
            )


def work_on(receipt: Receipt, workflows: Workflows) -> Accepted:
    """Have the incident worked on, unless it has ended; the answer to the report.

    The call is linked to the trace of its incident.
    """
    link_to(receipt.traceparent)
    # Asked for again with every report: that costs little, and closes the gap between keeping an
    # incident and starting its workflow when the process dies there.
    if not receipt.state.final:
        workflows.start(receipt.incident_id)
    return Accepted(incident_id=receipt.incident_id, state=receipt.state, disposition=disposition_of(receipt))


def disposition_of(receipt: Receipt) -> Disposition:
    """What became of the report."""
    if receipt.created:
        return Disposition.CREATED
    return Disposition.UPDATED if receipt.changed else Disposition.KNOWN


def _check(incident: Incident) -> None:
    """Bounds that the type does not express."""
    faults = [
        f"{name} must be 1 to {MAX_ID} printable characters"
        for name, value in (("id", incident.id), ("service", incident.service))
        if not (value.strip() and len(value) <= MAX_ID and value.isprintable())
    ]
    if len(incident.evidence) > MAX_EVIDENCE:
        faults.append(f"evidence must have at most {MAX_EVIDENCE} items")
    try:
        json.dumps(asdict(incident), allow_nan=False)
    except ValueError:
        faults.append("every number must be finite")
    if faults:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "Change what is sent: " + "; ".join(faults))
