"""A real stack on free ports, warm, with the means to break and watch it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from free_ports import free_ports
from rich.console import Console

from aegisops.demo.run import Demo
from aegisops.demo.screen import Screen
from aegisops.demo.watch import StackView
from aegisops.settings import StackSettings
from aegisops.stack import Stack
from aegisops.stack.layout import app_environment
from buggy_app.chaos import Chaos


@dataclass(frozen=True)
class Running:
    """A warm stack and the means to break and watch it."""

    stack: Stack
    demo: Demo


def replicas(stack: Stack) -> list[str]:
    """The replicas of the buggy app that run."""
    return [p.name for p in stack.processes() if p.name.startswith("buggy-app-") and p.pid]


def back_to_one_replica(stack: Stack) -> None:
    """Stops the replicas that a SCALE_UP has left behind."""
    extra = [f"buggy-app:{name}" for name in replicas(stack)[1:]]
    if not extra:
        return
    control = [sys.executable, "-m", "supervisor.supervisorctl", "-s", f"unix://{stack.layout.socket}"]
    subprocess.run([*control, "stop", *extra], check=True)


@contextmanager
def warm_stack(root: Path, collector: Path | None = None) -> Iterator[Running]:
    """A stack that has learned what is normal, behind a Collector if one is given; stopped on leaving."""
    names = [
        "app_port",
        "dependency_primary_port",
        "dependency_secondary_port",
        "otlp_port",
        "otlp_http_port",
        "detector_port",
        "responder_port",
        "collector_otlp_port",
        "collector_otlp_http_port",
        "collector_health_port",
        "collector_prometheus_port",
        "collector_metrics_port",
    ]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    settings = StackSettings(collector_binary=collector or "off", **ports)
    with Stack(settings, root) as stack, httpx.Client(timeout=5.0, trust_env=False) as http:
        stack.start(fresh=True)
        stack.wait_ready()
        chaos = Chaos.from_environment(app_environment(settings, stack.layout))
        demo = Demo(StackView(settings, http), chaos, Screen(Console()))
        demo.warm_up()
        yield Running(stack, demo)
