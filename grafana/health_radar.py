"""How near to its limits each service is: as a radar, and natively beside it."""

from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, dashboard

from grafana.panels import Frame, gauges, plugin, steps
from grafana.queries import now

AXES = {
    "CPU": 'max by (aegisops_service) (aegisops_signal_share_ratio{aegisops_signal="cpu"})',
    "Memory": 'max by (aegisops_service) (aegisops_signal_share_ratio{aegisops_signal="memory"})',
    "Disk": 'max by (aegisops_service) (aegisops_signal_share_ratio{aegisops_signal="disk"})',
    "Network": "max by (aegisops_service) "
    '(aegisops_signal_score_ratio{aegisops_signal=~"client_latency|network_errors"})',
    "DB pool": 'max by (aegisops_service) (aegisops_signal_share_ratio{aegisops_signal="db_pool"})',
}
"""An axis and its PromQL: one share (0 to 1) a service."""

_MEANING = (
    "Per service, now: the share of its limit in use for CPU (of one core where no limit is known), memory, "
    "disk and database pool; for the network, which has no limit, the probability that calls to others are "
    "not normal."
)


def radar(width: int, height: int) -> dashboard.Panel:
    """One polygon a service, one axis a resource; by the Business Charts plugin (Apache ECharts)."""
    script = (Path(__file__).with_name("health_radar.js")).read_text(encoding="utf-8")
    options = {
        "renderer": "canvas",
        "map": "none",
        "editorMode": "code",
        "editor": {"format": "auto"},
        "themeEditor": {"name": "default", "config": "{}"},
        "getOption": script,
    }
    queries = [now(expression, "{{aegisops_service}}") for expression in AXES.values()]
    frame = Frame("System health radar", _MEANING, width, height)
    return plugin(frame, "volkovlabs-echarts-panel", options, *queries)


def native(width: int, height: int) -> bargauge.Panel:
    """The same figures as bars, without a plugin."""
    queries = [now(expression, f"{{{{aegisops_service}}}} {axis}") for axis, expression in AXES.items()]
    panel = gauges(Frame("System health", _MEANING, width, height), *queries, unit="percentunit")
    return panel.max(1).thresholds(steps((None, "green"), (0.7, "yellow"), (0.9, "red")))
