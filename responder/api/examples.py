"""Examples for the API's description."""

from typing import Any

INCIDENT: dict[str, Any] = {
    "id": "INC-20260801-0001",
    "revision": 1,
    "service": "checkout",
    "namespace": "shop",
    "type": "memory_oom",
    "confidence": 0.91,
    "severity": "high",
    "state": "open",
    "started_at": 1785585600.0,
    "opened_at": 1785585602.0,
    "updated_at": 1785585602.0,
    "closed_at": None,
    "summary": "Memory of checkout runs towards its limit",
    "evidence": [
        {
            "id": "e1",
            "kind": "metric",
            "signal": "memory",
            "reason": "limit_forecast",
            "service": "checkout",
            "series": "process.memory.usage:value",
            "description": "process.memory.usage rose from 120 MB to 390 MB",
            "unit": "By",
            "before": 120000000.0,
            "now": 390000000.0,
            "low": 90000000.0,
            "high": 160000000.0,
            "score": 0.998,
            "weight": 0.7,
            "first_seen": 1785585600.0,
            "last_seen": 1785585602.0,
        }
    ],
    "candidates": [{"type": "memory_oom", "confidence": 0.91}],
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
