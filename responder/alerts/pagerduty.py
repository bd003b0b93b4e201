"""PagerDuty's webhooks, version 3: one event of an incident a call."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from responder.alerts.moments import moment
from responder.alerts.naming import service_of
from responder.alerts.reported import MAX_ID, ReportedAlert

SOURCE = "pagerduty"
_FIRING = ("incident.triggered", "incident.reopened")
_RESOLVED = ("incident.resolved",)

_Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID - 20)]
_Text = Annotated[str, StringConstraints(max_length=10_000)]


class PagerDutyReference(BaseModel):
    """Another thing in PagerDuty, by what it is called."""

    model_config = ConfigDict(extra="ignore")

    id: _Text = ""
    summary: _Text | None = None


class PagerDutyIncident(BaseModel):
    """An incident in PagerDuty, as far as it is needed; what other events are about has an id as well."""

    model_config = ConfigDict(extra="ignore")

    id: _Id
    title: _Text = ""
    incident_key: _Text | None = None
    html_url: _Text | None = None
    urgency: Annotated[str, StringConstraints(max_length=40)] | None = None
    created_at: datetime | None = None
    service: PagerDutyReference | None = None
    priority: PagerDutyReference | None = None


class PagerDutyEvent(BaseModel):
    """What happened."""

    model_config = ConfigDict(extra="ignore")

    id: _Id
    event_type: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    occurred_at: datetime
    data: PagerDutyIncident


class PagerDutyPayload(BaseModel):
    """A call. Fields that are not named here are ignored."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "event": {
                        "id": "01BWHO1X3J",
                        "event_type": "incident.triggered",
                        "resource_type": "incident",
                        "occurred_at": "2026-08-01T12:00:00.000Z",
                        "data": {
                            "id": "PGR0VU2",
                            "type": "incident",
                            "title": "High latency of checkout",
                            "urgency": "high",
                            "created_at": "2026-08-01T12:00:00Z",
                            "service": {"id": "PF9KMXH", "summary": "checkout"},
                        },
                    }
                }
            ]
        },
    )

    event: PagerDutyEvent

    def reported(self) -> list[ReportedAlert]:
        """The alert; none where the event neither begins nor ends anything, such as an acknowledgement."""
        event, incident = self.event, self.event.data
        if event.event_type not in (*_FIRING, *_RESOLVED):
            return []
        reopened = event.event_type == "incident.reopened"
        summary = None if incident.service is None else incident.service.summary
        priority = None if incident.priority is None else incident.priority.summary
        title = incident.title or "incident"
        return [
            ReportedAlert(
                source=SOURCE,
                key=incident.id,
                id=f"PAGERDUTY-{incident.id}",
                title=title,
                service=service_of({"service": summary or ""}, ["service"]),
                kinds=(title,),
                severity=priority or incident.urgency,
                firing=event.event_type in _FIRING,
                began=_began(event, reopened),
                lines=tuple(line for line in (title, incident.html_url) if line),
                about=incident.incident_key or "",
            )
        ]


def _began(event: PagerDutyEvent, reopened: bool) -> float | None:
    """A reopened incident begins anew; all else that is said of an incident is of when it was created, or
    later."""
    if reopened or event.event_type in _RESOLVED:
        return moment(event.occurred_at)
    return moment(event.data.created_at) or moment(event.occurred_at)
