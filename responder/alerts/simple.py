"""The simple format: for scripts, and for what has no format of its own."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from responder.alerts.moments import moment
from responder.alerts.reported import MAX_ID, MAX_LINE, MAX_LINES, ReportedAlert

SOURCE = "simple"


def _lines(value: object) -> object:
    """Log text or a list of lines as the first few lines, each cut."""
    if isinstance(value, str):
        value = value.splitlines()
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return [line[:MAX_LINE] for line in value if line.strip()][:MAX_LINES]
    return value


_Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ID, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$"),
]


class WebhookAlert(BaseModel):
    """An alert from elsewhere. Fields that are not named here are ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "incident_id": "alert-4711",
                    "alert_type": "oom-killed",
                    "logs": "java.lang.OutOfMemoryError: Java heap space",
                    "container_name": "checkout",
                    "severity": "critical",
                    "timestamp": "2026-08-01T12:00:00Z",
                }
            ]
        }
    )

    incident_id: _Name = Field(description="the sender's id; the same id again is the same alert")
    alert_type: _Name = Field(description="an incident type or a common name of one, in any spelling")
    logs: Annotated[list[str], BeforeValidator(_lines, json_schema_input_type=str | list[str])] = Field(
        description=f"log text, or a list of lines; the first {MAX_LINES} lines are kept"
    )
    container_name: _Name | None = Field(None, description="the service the alert is about")
    severity: str | None = Field(None, max_length=40, description="low, medium, high, critical or alike")
    status: Literal["firing", "resolved"] = Field("firing", description="resolved: the fault is over")
    timestamp: datetime | None = Field(None, description="ISO 8601, or seconds since the epoch")

    def reported(self) -> ReportedAlert:
        """The alert."""
        return ReportedAlert(
            source=SOURCE,
            key=self.incident_id,
            id=self.incident_id,
            title=self.alert_type,
            service=self.container_name,
            kinds=(self.alert_type,),
            severity=self.severity,
            firing=self.status == "firing",
            began=moment(self.timestamp),
            lines=tuple(self.logs),
        )
