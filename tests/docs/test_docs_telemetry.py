"""docs/telemetry.md, the registries and the code name the same metrics, spans, events and attributes."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from telemetry_tables import DETECTOR, PAGE, RESPONDER, all_attributes, written

from detector.classify.meaning import Signal
from detector.hosting.registry import Instrument, Registry
from detector.series import Stat

ROOT = Path(__file__).parents[2]
TEXT = PAGE.read_text(encoding="utf-8")
NAME = re.compile(r"aegisops(?:\.[a-z_]+)+")
REGISTRIES = {"detector/report/telemetry_registry.py", "responder/telemetry_registry.py"}
MADE_OF_DATA = "detector/hosting/registry.py"
SPAN_MAKERS = {"start_span", "start_as_current_span", "stage"}


@cache
def sources() -> list[tuple[str, ast.AST]]:
    """Each node of the code of both rooms, with its file."""
    paths = [path for room in ("detector", "responder") for path in (ROOT / room).rglob("*.py")]
    trees = [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]
    return [(path.relative_to(ROOT).as_posix(), node) for path, tree in trees for node in ast.walk(tree)]


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """File, name of what is called, and the call."""
    for file, node in sources():
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield file, name, node


def known_names() -> set[str]:
    names = {one.name for one in all_attributes()}
    for registry in (DETECTOR, RESPONDER):
        names |= {registry.scope}
        names |= {one.name for one in (*registry.metrics, *registry.spans, *registry.events)}
    return names


def test_the_tables_are_those_of_the_code() -> None:
    assert written(TEXT) == TEXT, "run make telemetry-docs"


def test_every_name_in_code_is_in_a_registry() -> None:
    literals = {
        node.value
        for file, node in sources()
        if file not in REGISTRIES and isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {text for text in literals if NAME.fullmatch(text)} - known_names() == set()


def test_every_name_on_the_page_is_in_a_registry() -> None:
    assert set(NAME.findall(TEXT)) - known_names() == set()


def test_instruments_are_made_of_the_registries_alone() -> None:
    instruments = re.compile(r"create_(observable_)?(counter|gauge|histogram|up_down_counter)")
    made = {file for file, name, _ in calls() if instruments.fullmatch(name)}
    assert made == {MADE_OF_DATA}
    assert {file for file, name, _ in calls() if name == "Metric"} == REGISTRIES


def test_spans_are_named_by_the_registries_alone() -> None:
    named = [call.args[0] for _, name, call in calls() if name in SPAN_MAKERS and call.args]
    assert len(named) > len(DETECTOR.spans)
    assert [ast.unparse(first) for first in named if isinstance(first, ast.Constant | ast.JoinedStr)] == []


@pytest.mark.parametrize("registry", [DETECTOR, RESPONDER], ids=lambda registry: registry.scope)
def test_metrics_are_sound(registry: Registry) -> None:
    names = [metric.name for metric in registry.metrics]
    assert len(set(names)) == len(names)
    for metric in registry.metrics:
        assert NAME.fullmatch(metric.name) or metric.name.startswith("gen_ai.client.")
        assert (metric.instrument is Instrument.HISTOGRAM) == bool(metric.buckets)
        assert list(metric.buckets) == sorted(set(metric.buckets))
        if metric.from_zero:
            assert metric.instrument is Instrument.COUNTER
            assert all(one.values for one in metric.attributes)


def test_every_signal_and_statistic_is_explained() -> None:
    assert {word.value for word in (*Signal, *Stat) if f"`{word.value}`" not in TEXT} == set()
