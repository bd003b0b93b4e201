"""Grafana Alerting's webhook: Alertmanager's form, with the values that the rule saw."""

from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, StringConstraints, WithJsonSchema

from responder.alerts.alertmanager import AlertmanagerAlert, AlertmanagerPayload
from responder.alerts.reported import MAX_BATCH

_MAX_VALUES = 20


class GrafanaAlert(AlertmanagerAlert):
    """One alert of a notification. Fields that are not named here are ignored."""

    values: dict[str, Any] | None = None
    dashboard_url: Annotated[str, StringConstraints(max_length=2_000)] = Field("", alias="dashboardURL")
    panel_url: Annotated[str, StringConstraints(max_length=2_000)] = Field("", alias="panelURL")

    @property
    def lines(self) -> tuple[str, ...]:
        """What it says in words, what the rule saw, and where to look."""
        seen = [f"{name} = {value}" for name, value in list((self.values or {}).items())[:_MAX_VALUES]]
        said = super().lines
        places = [url for url in (self.dashboard_url, self.panel_url) if url]
        return (*said[:10], *(["values: " + ", ".join(seen)] if seen else []), *places)


class GrafanaPayload(AlertmanagerPayload):
    """A notification of Grafana. Fields that are not named here are ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "1",
                    "orgId": 1,
                    "groupKey": '{}:{alertname="DiskAlmostFull"}',
                    "truncatedAlerts": 0,
                    "status": "firing",
                    "receiver": "aegisops",
                    "alerts": [
                        {
                            "status": "firing",
                            "labels": {"alertname": "DiskAlmostFull", "service_name": "checkout"},
                            "annotations": {"summary": "The disk of checkout is 96 % full"},
                            "startsAt": "2026-08-01T12:00:00Z",
                            "endsAt": "0001-01-01T00:00:00Z",
                            "values": {"B": 0.96, "C": 1},
                            "fingerprint": "57c6d9296de2ad39",
                        }
                    ],
                }
            ]
        }
    )

    source: ClassVar[str] = "grafana"
    alert_type: ClassVar[type[AlertmanagerAlert]] = GrafanaAlert

    version: Annotated[str, StringConstraints(max_length=20)] = "1"  # type: ignore[assignment] # Grafana counts for itself
    org_id: int = Field(0, alias="orgId")
    alerts: Annotated[
        list[Any],
        Field(min_length=1, max_length=MAX_BATCH),
        WithJsonSchema(
            {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": GrafanaAlert.model_json_schema()}
        ),
    ]
