"""The files that provisioning loads, as they are made from the code."""

import json
from collections.abc import Callable
from itertools import count

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as DashboardModel

from grafana import alerts
from grafana.command_centre import command_centre
from grafana.incident import incident
from grafana.internals import internals
from grafana.learning import learning
from grafana.service_health import service_health

DASHBOARDS: dict[str, Callable[[], Dashboard]] = {
    "command-centre": command_centre,
    "incident": incident,
    "service-health": service_health,
    "learning": learning,
    "internals": internals,
}
"""The name of the file of each dashboard, and what makes it."""


def provisioned_files() -> dict[str, str]:
    """Path below grafana/ and text of every generated file."""
    files = {f"dashboards/{name}.json": _text(_finished(make())) for name, make in DASHBOARDS.items()}
    return files | {"provisioning/alerting/aegisops.json": _text(alerts.provisioning())}


def _finished(made: Dashboard) -> DashboardModel:
    """With panels numbered, so that links to them last."""
    model = made.build()
    numbers = count(1)
    for panel in model.panels or []:
        panel.id_val = next(numbers)
    return model


def _text(content: object) -> str:
    """Readable JSON, without what would hide links and annotations in a menu."""
    plain = json.loads(json.dumps(content, cls=JSONEncoder))
    for shown in (*plain.get("links", ()), *plain.get("annotations", {}).get("list", ())):
        shown.pop("placement", None)
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
