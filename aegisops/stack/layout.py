"""Which processes the local stack has, and where each keeps its files."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from aegisops.collector import Collector
from aegisops.settings import StackSettings

REPLICAS = 4
"""Copies of the buggy app the process manager knows; the first one runs, the rest wait for SCALE_UP."""

EXPORT_INTERVAL_MS, OWN_EXPORT_INTERVAL_MS = 1000, 5000
"""Of the buggy app; of detector and responder, whose metrics are looked at and not judged."""

_SOCKET_PATH_BOUND = 100  # sun_path holds 108 bytes with its terminator


@dataclass(frozen=True, slots=True)
class Program:
    """One process: its name for the process manager, what runs, with which additions to the environment."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    group: str = ""
    autostart: bool = True
    restart_always: bool = True


@dataclass(frozen=True, slots=True)
class StackLayout:
    """Paths below one state directory, absolute."""

    root: Path

    @property
    def app_state(self) -> Path:
        """The buggy app's own directory: database, work directory, chaos orders."""
        return self.root / "buggy_app"

    @property
    def responder_data(self) -> Path:
        """The responder's store."""
        return self.root / "responder"

    @property
    def collector_data(self) -> Path:
        """What the Collector has taken in and the detector has not confirmed yet."""
        return self.root / "collector"

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.root / "logs"

    @property
    def supervisord_conf(self) -> Path:
        """The process manager's configuration, written anew at each start."""
        return self.root / "supervisord.conf"

    @property
    def supervisord_pid(self) -> Path:
        """Where supervisord writes its process id."""
        return self.root / "supervisord.pid"

    @property
    def socket(self) -> Path:
        """The process manager's socket."""
        return self.root / "supervisor.sock"

    @property
    def socket_fits(self) -> bool:
        """A Unix socket's path is bounded by the kernel."""
        return len(str(self.socket).encode()) <= _SOCKET_PATH_BOUND


def programs(settings: StackSettings, layout: StackLayout) -> list[Program]:
    """Every process of the stack, in the order they start."""
    collector = settings.collector
    app = app_environment(settings, layout)
    return [
        *(() if collector is None else (_collector(collector, settings, layout),)),
        _detector(settings),
        _responder(settings, layout),
        Program("dependency", _module("buggy_app.dependency"), app),
        *(_replica(number, settings, layout) for number in range(REPLICAS)),
        Program("oom-guard", _module("buggy_app.oom_guard"), app),
        Program("traffic", _module("buggy_app.traffic"), app),
    ]


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


def _collector(collector: Collector, settings: StackSettings, layout: StackLayout) -> Program:
    return Program(
        "collector",
        (str(collector.binary), "--config", str(collector.configuration)),
        {
            "AEGISOPS_COLLECTOR_OTLP_GRPC": f"127.0.0.1:{settings.collector_otlp_port}",
            "AEGISOPS_COLLECTOR_OTLP_HTTP": f"127.0.0.1:{settings.collector_otlp_http_port}",
            "AEGISOPS_COLLECTOR_DETECTOR": f"127.0.0.1:{settings.detector_otlp_port}",
            "AEGISOPS_COLLECTOR_HEALTH": f"127.0.0.1:{settings.collector_health_port}",
            "AEGISOPS_COLLECTOR_PROMETHEUS": f"127.0.0.1:{settings.collector_prometheus_port}",
            "AEGISOPS_COLLECTOR_METRICS_PORT": str(settings.collector_metrics_port),
            "AEGISOPS_COLLECTOR_DATA": str(layout.collector_data),
        },
    )


def _own_telemetry(settings: StackSettings) -> dict[str, str]:
    """Where detector and responder tell of themselves: to the Collector, unless a place is set for it."""
    if settings.collector is None or settings.own_telemetry_endpoint is not None:
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_METRIC_EXPORT_INTERVAL": str(OWN_EXPORT_INTERVAL_MS),
    }


def _detector(settings: StackSettings) -> Program:
    return Program(
        "detector",
        _module("detector"),
        {
            **_own_telemetry(settings),
            "AEGISOPS_DETECTOR_OTLP_PORT": str(settings.detector_otlp_port),
            "AEGISOPS_DETECTOR_OTLP_HTTP_PORT": str(settings.detector_otlp_http_port),
            "AEGISOPS_DETECTOR_HTTP_PORT": str(settings.detector_port),
            "AEGISOPS_DETECTOR_REPORT_URL": f"{settings.responder_url}/detections",
        },
    )


def _responder(settings: StackSettings, layout: StackLayout) -> Program:
    return Program(
        "responder",
        _module("responder"),
        {
            **_own_telemetry(settings),
            "AEGISOPS_RESPONDER_PORT": str(settings.responder_port),
            "AEGISOPS_RESPONDER_DATA_DIR": str(layout.responder_data),
            "AEGISOPS_RESPONDER_DETECTOR_URL": settings.detector_url,
            "AEGISOPS_RESPONDER_CATALOGUE": str(Path(__file__).with_name("catalogue.yaml")),
            "AEGISOPS_RESPONDER_POLICY": str(Path(__file__).with_name("policy.yaml")),
            "STACK_APP_URL": settings.app_url,
            "SUPERVISOR_URL": f"unix://{layout.socket}",
            "STACK_PYTHON": sys.executable,
            **app_environment(settings, layout),
        },
    )


def _replica(number: int, settings: StackSettings, layout: StackLayout) -> Program:
    name = f"buggy-app-{number}"
    return Program(
        name,
        _module("buggy_app"),
        {
            **app_environment(settings, layout),
            "OTEL_SERVICE_NAME": "buggy-app",
            "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace=demo,service.instance.id={name}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_METRIC_EXPORT_INTERVAL": str(EXPORT_INTERVAL_MS),
            "OTEL_BSP_SCHEDULE_DELAY": str(EXPORT_INTERVAL_MS // 2),
            "OTEL_BLRP_SCHEDULE_DELAY": str(EXPORT_INTERVAL_MS // 2),
        },
        group="buggy-app",
        autostart=number == 0,
    )


def app_environment(settings: StackSettings, layout: StackLayout) -> dict[str, str]:
    """What every program of the buggy app needs to find the others."""
    return {
        "BUGGY_APP_STATE_DIR": str(layout.app_state),
        "BUGGY_APP_PORT": str(settings.app_port),
        "BUGGY_APP_DEPENDENCY_PRIMARY_PORT": str(settings.dependency_primary_port),
        "BUGGY_APP_DEPENDENCY_SECONDARY_PORT": str(settings.dependency_secondary_port),
    }
