"""Alerts of other systems: one file a format, each into the one type that the rest knows."""

from responder.alerts.alertmanager import AlertmanagerPayload
from responder.alerts.cloudevents import CloudEventError, is_batch, read_cloud_events
from responder.alerts.grafana import GrafanaPayload
from responder.alerts.incident import alert_of
from responder.alerts.naming import DEFAULT_SERVICE_LABELS
from responder.alerts.pagerduty import PagerDutyPayload
from responder.alerts.reported import Refused, ReportedAlert
from responder.alerts.simple import WebhookAlert

__all__ = [
    "DEFAULT_SERVICE_LABELS",
    "AlertmanagerPayload",
    "CloudEventError",
    "GrafanaPayload",
    "PagerDutyPayload",
    "Refused",
    "ReportedAlert",
    "WebhookAlert",
    "alert_of",
    "is_batch",
    "read_cloud_events",
]
