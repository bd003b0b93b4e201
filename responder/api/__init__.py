"""API: REST, webhook and live events."""

from responder.api.alert_metrics import AlertMetrics
from responder.api.app import build_app
from responder.api.parts import ApiParts

__all__ = ["AlertMetrics", "ApiParts", "build_app"]
