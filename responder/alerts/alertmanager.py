"""Alertmanager's webhook, version 4."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, WithJsonSchema

from responder.alerts.moments import moment
from responder.alerts.naming import service_of
from responder.alerts.reported import MAX_BATCH, MAX_LINES, Refused, ReportedAlert

Labels = dict[str, str]
_TELLING = ("alertname", "alert_type", "type", "metric", "__name__")
_SUMMARY = ("summary", "description", "message", "runbook_url")


class AlertmanagerAlert(BaseModel):
    """One alert of a notification. Fields that are not named here are ignored."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    status: Literal["firing", "resolved"] | None = None
    labels: Labels = {}
    annotations: Labels = {}
    starts_at: datetime | None = Field(None, alias="startsAt")
    ends_at: datetime | None = Field(None, alias="endsAt")
    fingerprint: Annotated[str, StringConstraints(max_length=200)] = ""

    def firing(self, now: float) -> bool:
        """By its status; without one, until its end, where the year 1 means that there is none yet."""
        if self.status is not None:
            return self.status == "firing"
        ends = moment(self.ends_at)
        return ends is None or ends > now

    @property
    def key(self) -> str:
        """The sender's fingerprint, or one of the labels."""
        if self.fingerprint:
            return self.fingerprint
        labels = json.dumps(self.labels, sort_keys=True).encode("utf-8", "surrogatepass")
        return hashlib.sha256(labels).hexdigest()[:32]

    @property
    def lines(self) -> tuple[str, ...]:
        """What it says in words."""
        said = [self.annotations[name] for name in _SUMMARY if self.annotations.get(name)]
        return tuple(line for text in said for line in text.splitlines())[:MAX_LINES]


class AlertmanagerPayload(BaseModel):
    """A notification: the alerts of one group. Fields that are not named here are ignored."""

    model_config = ConfigDict(
        extra="ignore",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "version": "4",
                    "groupKey": '{}:{alertname="ContainerMemoryHigh"}',
                    "truncatedAlerts": 0,
                    "status": "firing",
                    "receiver": "aegisops",
                    "alerts": [
                        {
                            "status": "firing",
                            "labels": {
                                "alertname": "ContainerMemoryHigh",
                                "service": "checkout",
                                "severity": "critical",
                            },
                            "annotations": {"summary": "Memory of checkout is at 97 % of its limit"},
                            "startsAt": "2026-08-01T12:00:00Z",
                            "endsAt": "0001-01-01T00:00:00Z",
                            "fingerprint": "c1a7e2f09b3d4856",
                        }
                    ],
                }
            ]
        },
    )

    source: ClassVar[str] = "alertmanager"
    alert_type: ClassVar[type[AlertmanagerAlert]] = AlertmanagerAlert

    version: Literal["4"] = "4"
    group_key: Annotated[str, StringConstraints(max_length=10_000)] = Field("", alias="groupKey")
    truncated_alerts: Annotated[int, Field(ge=0, le=2**31)] = Field(0, alias="truncatedAlerts")
    alerts: Annotated[
        list[Any],
        Field(min_length=1, max_length=MAX_BATCH),
        WithJsonSchema(
            {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_BATCH,
                "items": AlertmanagerAlert.model_json_schema(),
            }
        ),
    ]

    def reported(self, service_labels: Sequence[str], now: float) -> list[ReportedAlert | Refused]:
        """Each alert, in order; one that cannot be used does not spoil the others."""
        return list(self._each(service_labels, now))

    def _each(self, service_labels: Sequence[str], now: float) -> Iterator[ReportedAlert | Refused]:
        for number, document in enumerate(self.alerts):
            try:
                alert = self.alert_type.model_validate(document)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in ("alerts", number, *first["loc"]))
                yield Refused(where, first["msg"])
            else:
                yield self._one(alert, service_labels, now)

    def _one(self, alert: AlertmanagerAlert, service_labels: Sequence[str], now: float) -> ReportedAlert:
        labels = alert.labels
        title = labels.get("alertname") or "alert"
        digest = hashlib.sha256(f"{self.source}\0{alert.key}".encode("utf-8", "surrogatepass")).hexdigest()
        return ReportedAlert(
            source=self.source,
            key=alert.key,
            id=f"ALERT-{digest[:16]}",
            title=title,
            service=service_of(labels, service_labels),
            kinds=(*(labels[name] for name in _TELLING if labels.get(name)), *alert.lines[:1]),
            severity=labels.get("severity") or labels.get("priority"),
            firing=alert.firing(now),
            began=moment(alert.starts_at),
            lines=alert.lines,
            labels=labels,
        )
