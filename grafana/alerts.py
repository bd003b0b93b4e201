"""Alert rules for the product's own health, in the form in which Grafana's alerting is provisioned."""

from dataclasses import dataclass

from grafana.internals import UID as INTERNALS_UID

FOLDER = "AegisOps"
RUNBOOK = "docs/dashboards.md"
"""What to do on each alert: a heading of this page of the repository, named like the alert's uid."""

_INTERVAL = "30s"
_LOOK_BACK_S = 600


@dataclass(frozen=True, slots=True)
class Alert:
    """Fires where a value of `expression` (PromQL) is above 0 for as long as `lasting`."""

    uid: str
    title: str
    expression: str
    lasting: str
    severity: str
    summary: str


ALERTS = (
    Alert(
        "no-telemetry",
        "No telemetry at all",
        "absent_over_time(target_info[2m])",
        "1m",
        "critical",
        "Prometheus has heard of no service for two minutes: the Collector, or the way from it, is down.",
    ),
    Alert(
        "detector-down",
        "Detector down",
        "absent_over_time(aegisops_detector_points_total[2m])",
        "1m",
        "critical",
        "The detector has told nothing of itself for two minutes: no fault is seen now.",
    ),
    Alert(
        "detector-deaf",
        "Detector hears nothing",
        "sum(rate(aegisops_detector_points_total[2m])) == bool 0",
        "1m",
        "critical",
        "The detector runs, and no telemetry of any service reaches it.",
    ),
    Alert(
        "detector-dropping",
        "Detector drops points",
        "sum(rate(aegisops_detector_points_dropped_total[5m])) "
        "+ sum(rate(aegisops_detector_series_refused_total[5m]))",
        "2m",
        "warning",
        "The detector is at a bound on series, instances or attributes: what is beyond is not judged.",
    ),
    Alert(
        "detector-overloaded",
        "Detector refuses requests",
        "sum(rate(aegisops_detector_requests_refused_total[2m]))",
        "2m",
        "warning",
        "The detector has no room for what it is sent: the senders wait and try again.",
    ),
    Alert(
        "detector-failing",
        "Detector skips judgements",
        "sum(increase(aegisops_detector_failures_total[5m]))",
        "0s",
        "critical",
        "The judgement of telemetry raised an error and was skipped: see the detector's log.",
    ),
    Alert(
        "reports-pending",
        "Incidents do not reach the responder",
        "max(min_over_time(aegisops_detector_reports_pending[1m]))",
        "30s",
        "critical",
        "The detector has had incidents for over a minute that the responder does not acknowledge.",
    ),
    Alert(
        "responder-down",
        "Responder down",
        "absent_over_time(aegisops_responder_incidents_stored[2m])",
        "1m",
        "critical",
        "The responder has told nothing of itself for two minutes: nothing is healed now.",
    ),
    Alert(
        "responder-failing",
        "The pipeline failed on an incident",
        'sum(increase(aegisops_responder_incidents_total{aegisops_state="FAILED"}[10m]))',
        "0s",
        "critical",
        "An incident ended in FAILED: the responder could not go on with it; a human has to.",
    ),
    Alert(
        "queue-pending",
        "Incidents wait to be begun",
        "max(min_over_time(aegisops_responder_queue_depth[1m]))",
        "1m",
        "warning",
        "Incidents have waited for over a minute: more at once than the responder works on.",
    ),
    Alert(
        "approval-awaited",
        "A human is awaited",
        "sum(max by (aegisops_incident_type) "
        '(aegisops_responder_incidents_stored{aegisops_state="AWAITING_APPROVAL"}))',
        "2m",
        "warning",
        "An action waits for approval; without an answer the incident is escalated.",
    ),
    Alert(
        "notifications-undeliverable",
        "Notifications do not arrive",
        'sum(increase(aegisops_notifications_total{aegisops_notification_outcome="undeliverable"}[10m]))',
        "0s",
        "warning",
        "A notification was given up: people may not know of an incident.",
    ),
    Alert(
        "collector-failing",
        "The Collector cannot send",
        "max by (exporter, data_type) (otelcol_exporter_queue_size) "
        "/ max by (exporter, data_type) (otelcol_exporter_queue_capacity) > bool 0.5",
        "1m",
        "warning",
        "A queue of the Collector is over half full: what it sends to is down or too slow. Once it is full, "
        "senders are refused.",
    ),
)
"""Every alert that is provisioned."""


def provisioning() -> dict[str, object]:
    """The content of the file that Grafana's alerting reads."""
    group = {
        "orgId": 1,
        "name": "AegisOps itself",
        "folder": FOLDER,
        "interval": _INTERVAL,
        "rules": [_rule(alert) for alert in ALERTS],
    }
    return {"apiVersion": 1, "groups": [group]}


def _rule(alert: Alert) -> dict[str, object]:
    return {
        "uid": f"aegisops-{alert.uid}",
        "title": alert.title,
        "condition": "above",
        "for": alert.lasting,
        "noDataState": "OK",  # a rule for silence asks with absent_over_time
        "execErrState": "Error",
        "labels": {"severity": alert.severity, "product": "aegisops"},
        "annotations": {
            "summary": alert.summary,
            "runbook_url": f"{RUNBOOK}#{alert.uid}",
            "__dashboardUid__": INTERNALS_UID,
        },
        "data": [
            _query("value", "prometheus", {"expr": alert.expression, "instant": True, "range": False}),
            _query(
                "above",
                "__expr__",
                {
                    "type": "threshold",
                    "expression": "value",
                    "conditions": [{"evaluator": {"type": "gt", "params": [0]}}],
                },
            ),
        ],
    }


def _query(ref_id: str, source: str, model: dict[str, object]) -> dict[str, object]:
    return {
        "refId": ref_id,
        "datasourceUid": source,
        "relativeTimeRange": {"from": _LOOK_BACK_S, "to": 0},
        "model": {"refId": ref_id, **model},
    }
