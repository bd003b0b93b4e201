"""Payloads as other systems send them."""

from datetime import UTC, datetime
from typing import Any

from closed_api import NOW


def moment(seconds: float = 0.0) -> str:
    """So many seconds after NOW."""
    return datetime.fromtimestamp(NOW + seconds, UTC).isoformat().replace("+00:00", "Z")


def prometheus_alert(
    fingerprint: str = "f1",
    *,
    status: str = "firing",
    service: str = "shop",
    name: str = "ContainerMemoryHigh",
    began: float = -60.0,
    **labels: str,
) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": name, "service": service, "severity": "critical"} | labels,
        "annotations": {"summary": f"memory of {service} is at 97 %", "runbook_url": "https://example.org/r"},
        "startsAt": moment(began),
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else moment(),
        "generatorURL": "http://prometheus/graph",
        "fingerprint": fingerprint,
    }


def notification(*alerts: object, **fields: object) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "aegisops",
        "groupLabels": {},
        "commonLabels": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
    } | fields


def pagerduty_event(
    kind: str = "incident.triggered", *, id_: str = "E1", at: float = 0.0, **incident: object
) -> dict[str, Any]:
    data = {
        "id": "P1",
        "type": "incident",
        "title": "High latency of shop",
        "urgency": "high",
        "created_at": moment(-30.0),
        "service": {"id": "S1", "summary": "shop", "type": "service_reference"},
    }
    return {
        "event": {
            "id": id_,
            "event_type": kind,
            "resource_type": "incident",
            "occurred_at": moment(at),
            "agent": {"id": "A1"},
            "data": data | incident,
        }
    }


def cloud_event(**attributes: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "4711",
        "source": "/monitoring/shop",
        "type": "com.example.alert.firing",
        "subject": "shop-memory",
        "data": {"service": "shop", "severity": "critical", "title": "memory", "summary": "97 %"},
    } | attributes
