"""No query names telemetry that nothing emits. That the rest is there too is seen in a running stack."""

import importlib
import pkgutil
import re

import pytest
from dashboard_queries import Asked, asked
from opentelemetry.semconv._incubating import metrics as conventions
from query_grammars import run

from detector.hosting.registry import Instrument, Metric
from detector.report.telemetry_registry import REGISTRY as DETECTOR
from responder.telemetry_registry import REGISTRY as RESPONDER

OURS = ("aegisops", "gen_ai")
OF_THE_COLLECTOR = ("traces_span_metrics_", "traces_service_graph_", "otelcol_", "target_info")
UNITS = {"s": "_seconds", "By": "_bytes", "1": "_ratio"}


def in_prometheus(metric: Metric) -> set[str]:
    """The names under which the Collector's exporter shows a metric."""
    name = metric.name.replace(".", "_")
    unit = UNITS.get(metric.unit, "")
    if metric.instrument is Instrument.GAUGE:
        return {name + unit}
    unit = unit if metric.unit != "1" else ""
    if metric.instrument is Instrument.COUNTER:
        return {f"{name}{unit}_total"}
    return {f"{name}{unit}_{part}" for part in ("bucket", "sum", "count")}


def emitted() -> set[str]:
    metrics = (metric for registry in (DETECTOR, RESPONDER) for metric in registry.metrics)
    return {name for metric in metrics for name in in_prometheus(metric)}


def attributes() -> set[str]:
    """Every attribute of our metrics, spans, span events and log events."""
    told = [
        one
        for registry in (DETECTOR, RESPONDER)
        for kind in (registry.metrics, registry.spans, registry.events)
        for one in kind
    ]
    return {attribute.name for one in told for attribute in one.attributes}


def of_the_conventions() -> set[str]:
    """Every metric of the semantic conventions, as Prometheus spells it, without suffix."""
    modules = (
        importlib.import_module(f"{conventions.__name__}.{found.name}")
        for found in pkgutil.iter_modules(conventions.__path__)
    )
    constants = (value for module in modules for value in vars(module).values())
    return {value.replace(".", "_") for value in constants if isinstance(value, str) and "." in value}


@pytest.fixture(scope="module")
def named() -> dict[str, list[Asked]]:
    """Each metric, and the queries that name it."""
    queries = [one for one in asked() if one.language == "promql"]
    own = {"__rate_interval": "1m", "__range": "1h", "__interval": "1h", "__tags": 'service_name="x"'}
    answers = run("parse_queries.js", [{"language": "promql", "query": one.filled(own)} for one in queries])
    found: dict[str, list[Asked]] = {}
    for one, answer in zip(queries, answers, strict=True):
        for metric in answer["metrics"]:
            found.setdefault(metric, []).append(one)
    return found


def test_every_metric_of_ours_is_in_the_registry(named: dict[str, list[Asked]]) -> None:
    ours = {name for name in named if name.startswith(OURS)}
    assert len(ours) > 30
    assert ours - emitted() == set()


def test_every_other_metric_is_of_the_conventions_or_of_the_collector(named: dict[str, list[Asked]]) -> None:
    known = of_the_conventions()
    others = {name for name in named if not name.startswith((*OURS, *OF_THE_COLLECTOR))}
    assert len(others) > 5
    for name in others:
        without_part = re.sub(r"_(total|bucket|sum|count)$", "", name)
        without_unit = {re.sub(r"_(seconds|bytes|ratio)$", "", spelled) for spelled in (name, without_part)}
        assert {name, without_part, *without_unit} & known, f"{name}: {named[name][0]}"


def test_every_attribute_of_ours_is_in_the_registry() -> None:
    metrics = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in emitted()} | emitted()
    told = attributes()
    spelled = {name.replace(".", "_") for name in told}
    for one in asked():
        if one.language == "traceql":
            used = set(re.findall(r"span\.(aegisops(?:\.[a-z_]+)+)", one.text))
            assert used <= told, str(one)
        else:
            used = set(re.findall(r"\b(?:aegisops|gen_ai)_[a-z_]+", one.text)) - metrics
            assert used <= spelled, str(one)


def test_every_span_is_in_the_registry() -> None:
    known = {span.name for registry in (DETECTOR, RESPONDER) for span in registry.spans}
    for one in asked():
        if one.language == "traceql":
            for names in re.findall(r'[^.]\bname =~? "([^"]+)"', one.text):
                assert {name.split()[0] for name in names.split("|")} <= known, str(one)
