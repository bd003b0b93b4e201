"""Where alerts of other systems come in: one address for each format."""

import logging
from collections.abc import Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from responder.alerts import (
    AlertmanagerPayload,
    CloudEventError,
    GrafanaPayload,
    PagerDutyPayload,
    Refused,
    ReportedAlert,
    WebhookAlert,
    alert_of,
    read_cloud_events,
)
from responder.alerts.cloudevents import BATCH, STRUCTURED, event_schema, is_binary
from responder.api.gate import Gate, Sender
from responder.api.intake import Accepted, Traceparent, disposition_of, tell_of_receipt, work_on
from responder.api.parts import ApiParts
from responder.api.problem import responses
from responder.incident_record import PipelineState
from responder.store import Receipt, ReplayedError
from responder.telemetry import new_traceparent

_LOG = logging.getLogger(__name__)


class AlertDisposition(StrEnum):
    """What became of an alert: as of a report; `IGNORED`: it ends what was never reported; `REFUSED`: it
    cannot be used."""

    CREATED = "created"
    UPDATED = "updated"
    KNOWN = "known"
    IGNORED = "ignored"
    REFUSED = "refused"


class AlertOutcome(BaseModel):
    """What became of one alert. `detail`: what to change, where it was refused."""

    alert: str = Field(examples=["c1a7e2f09b3d4856"])
    disposition: AlertDisposition
    incident_id: str | None = None
    state: PipelineState | None = None
    detail: str = ""


class AlertsAccepted(BaseModel):
    """What became of each alert of a call, in order. `truncated`: how many the sender left out."""

    alerts: list[AlertOutcome]
    truncated: int = 0


def webhooks_router(parts: ApiParts, gate: Gate, service_labels: Sequence[str]) -> APIRouter:
    """`POST /webhook` and `POST /webhook/{alertmanager,grafana,pagerduty,cloudevents}`."""
    router = APIRouter(
        prefix="/webhook",
        tags=["webhooks"],
        responses=responses(400, 401, 403, 409, 413, 422, 429, 500, 503, 507),
    )

    @router.post(
        "", status_code=HTTPStatus.ACCEPTED, responses=responses(404), summary="An alert in the simple format"
    )
    def receive_alert(
        alert: WebhookAlert,
        sender: Annotated[Sender, Depends(gate.webhook("simple"))],
        traceparent: Traceparent = None,
    ) -> Accepted:
        """Take in an alert: it joins the unfinished incident of its service, or is a new one."""
        (receipt,) = _kept(parts, "simple", [alert.reported()], sender, traceparent)
        if receipt is None:
            raise HTTPException(
                HTTPStatus.NOT_FOUND, f"There is no alert {alert.incident_id} that could be resolved"
            )
        return work_on(receipt, parts.workflows)

    @router.post(
        "/alertmanager", status_code=HTTPStatus.ACCEPTED, summary="Alertmanager's webhook, version 4"
    )
    def receive_alertmanager(
        payload: AlertmanagerPayload,
        sender: Annotated[Sender, Depends(gate.webhook("alertmanager"))],
        traceparent: Traceparent = None,
    ) -> AlertsAccepted:
        """Take in the alerts of a group, those that fire and those that are resolved."""
        reported = payload.reported(service_labels, parts.clock())
        return _take_in("alertmanager", reported, sender, traceparent, payload.truncated_alerts)

    @router.post("/grafana", status_code=HTTPStatus.ACCEPTED, summary="Grafana Alerting's webhook")
    def receive_grafana(
        payload: GrafanaPayload,
        sender: Annotated[Sender, Depends(gate.webhook("grafana"))],
        traceparent: Traceparent = None,
    ) -> AlertsAccepted:
        """Take in the alerts of a group, those that fire and those that are resolved."""
        reported = payload.reported(service_labels, parts.clock())
        return _take_in("grafana", reported, sender, traceparent, payload.truncated_alerts)

    @router.post("/pagerduty", status_code=HTTPStatus.ACCEPTED, summary="PagerDuty's webhooks, version 3")
    def receive_pagerduty(
        payload: PagerDutyPayload,
        sender: Annotated[Sender, Depends(gate.webhook("pagerduty"))],
        traceparent: Traceparent = None,
    ) -> AlertsAccepted:
        """Take in what happened to an incident there; what neither begins nor ends one changes nothing."""
        return _take_in("pagerduty", payload.reported(), sender, traceparent)

    @router.post(
        "/cloudevents",
        status_code=HTTPStatus.ACCEPTED,
        openapi_extra={"requestBody": _event_body()},
        summary="CloudEvents 1.0: structured, binary or batch",
    )
    async def receive_cloudevents(
        request: Request,
        sender: Annotated[Sender, Depends(gate.webhook("cloudevents"))],
        traceparent: Traceparent = None,
    ) -> AlertsAccepted:
        """Take in one event, or a batch of them."""
        headers, body = dict(request.headers), await request.body()
        if sender.call is not None and is_binary(headers):
            raise HTTPException(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"No signature covers attributes in headers: send {STRUCTURED}, or a token instead",
            )
        try:
            reported = await run_in_threadpool(read_cloud_events, headers, body, service_labels)
        except CloudEventError as error:
            raise _unusable(str(error)) from error
        return await run_in_threadpool(_take_in, "cloudevents", reported, sender, traceparent)

    def _take_in(
        source: str,
        reported: Sequence[ReportedAlert | Refused],
        sender: Sender,
        traceparent: str | None,
        truncated: int = 0,
    ) -> AlertsAccepted:
        usable = [one for one in reported if isinstance(one, ReportedAlert)]
        refused = [one for one in reported if isinstance(one, Refused)]
        for _ in refused:
            parts.alerts.taken_in(source, AlertDisposition.REFUSED.value)
        if refused and not usable:
            raise _unusable("; ".join(f"{one.which}: {one.why}" for one in refused[:3]))
        if refused or truncated:
            _LOG.warning(
                "of a call, %d alerts were refused, and %d were left out by the sender",
                len(refused),
                truncated,
            )
        receipts = iter(_kept(parts, source, usable, sender, traceparent))
        outcomes = [
            _refused(one) if isinstance(one, Refused) else _outcome(one, next(receipts)) for one in reported
        ]
        return AlertsAccepted(alerts=outcomes, truncated=truncated)

    def _outcome(alert: ReportedAlert, receipt: Receipt | None) -> AlertOutcome:
        if receipt is None:
            return AlertOutcome(alert=alert.key, disposition=AlertDisposition.IGNORED)
        accepted = work_on(receipt, parts.workflows)
        return AlertOutcome(
            alert=alert.key,
            disposition=AlertDisposition(accepted.disposition.value),
            incident_id=accepted.incident_id,
            state=accepted.state,
        )

    return router


def _kept(
    parts: ApiParts,
    source: str,
    usable: Sequence[ReportedAlert],
    sender: Sender,
    traceparent: str | None,
) -> list[Receipt | None]:
    """What became of each; counted, and told where it is a new incident."""
    now = parts.clock()
    alerts = [alert_of(one, new_traceparent(parts.ids, traceparent), now) for one in usable]
    try:
        receipts = parts.store.alerts.receive(alerts, now, sender.call)
    except ReplayedError as error:
        raise HTTPException(HTTPStatus.CONFLICT, "This call was taken in already") from error
    for alert, receipt in zip(alerts, receipts, strict=True):
        disposition = AlertDisposition.IGNORED if receipt is None else disposition_of(receipt)
        parts.alerts.taken_in(source, disposition.value)
        if receipt is not None:
            tell_of_receipt(alert.incident, receipt)
    return receipts


def _refused(alert: Refused) -> AlertOutcome:
    return AlertOutcome(alert=alert.which, disposition=AlertDisposition.REFUSED, detail=alert.why)


def _unusable(why: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"Change what is sent: {why}")


def _event_body() -> dict[str, Any]:
    event = event_schema()
    return {
        "required": True,
        "content": {
            STRUCTURED: {"schema": event},
            BATCH: {"schema": {"type": "array", "items": event, "minItems": 1}},
        },
    }
