"""Counts what becomes of alerts."""

from opentelemetry.metrics import MeterProvider

from detector.hosting.registry import counter
from responder import telemetry_registry as told


class AlertMetrics:
    """The counter `aegisops.alerts`."""

    def __init__(self, provider: MeterProvider) -> None:
        self._alerts = counter(provider.get_meter(told.SCOPE), told.ALERTS)

    def taken_in(self, source: str, disposition: str) -> None:
        """An alert of `source` was taken in or refused."""
        self._alerts.add(1, {told.ALERT_SOURCE.name: source, told.ALERT_DISPOSITION.name: disposition})
