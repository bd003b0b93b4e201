"""Every query that Grafana is provisioned with, as it stands in the generated files."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

GRAFANA = Path(__file__).parents[2] / "grafana"
LANGUAGES = {"prometheus": "promql", "loki": "logql", "tempo": "traceql"}


@dataclass(frozen=True)
class Asked:
    """A query: the file and the panel or rule it stands in, its language, its text with variables."""

    file: str
    place: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file} / {self.place}: {self.text}"

    def filled(self, variables: dict[str, str]) -> str:
        """The text, with `$name`, `${name}` and Grafana's own variables replaced."""
        text = self.text
        for name in sorted(variables, key=len, reverse=True):
            text = text.replace(f"${{{name}}}", variables[name]).replace(f"${name}", variables[name])
        return text


def dashboards() -> dict[str, dict[str, Any]]:
    """Every dashboard by the name of its file."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((GRAFANA / "dashboards").glob("*.json"))
    }


def alert_rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    content = json.loads(
        (GRAFANA / "provisioning" / "alerting" / "aegisops.json").read_text(encoding="utf-8")
    )
    return [rule for group in content["groups"] for rule in group["rules"]]


def datasources() -> list[dict[str, Any]]:
    """Every data source."""
    path = GRAFANA / "provisioning" / "datasources" / "datasources.yaml"
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))["datasources"])


def asked() -> list[Asked]:
    """Every query of panels, annotations, alert rules and links between data sources."""
    return [*_of_dashboards(), *_of_alerts(), *_of_datasources()]


def _of_dashboards() -> Iterator[Asked]:
    for name, content in dashboards().items():
        targets = [
            (panel["title"], target) for panel in content["panels"] for target in panel.get("targets", ())
        ]
        targets += [(one["name"], one["target"]) for one in content["annotations"].get("list", ())]
        for place, target in targets:
            text = target.get("expr") or target.get("query")
            if text:  # a service map asks without a query
                yield Asked(name, place, LANGUAGES[target["datasource"]["type"]], text)


def _of_alerts() -> Iterator[Asked]:
    for rule in alert_rules():
        for query in rule["data"]:
            if query["datasourceUid"] == "prometheus":
                yield Asked("alerts", rule["uid"], "promql", query["model"]["expr"])


def _of_datasources() -> Iterator[Asked]:
    for source in datasources():
        for query in source["jsonData"].get("tracesToMetrics", {}).get("queries", ()):
            yield Asked("datasources", query["name"], "promql", query["query"].replace("$$", "$"))
