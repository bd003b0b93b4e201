"""docs/telemetry.md names every metric, span and attribute the code emits, and none that it does not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from detector.classify.meaning import Signal
from detector.report.health_metrics import METRICS, REPORT_LATENCY
from detector.series import Stat

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
NAME = re.compile(r"aegisops(?:\.[a-z_]+)+")
SPAN_MAKERS = {"stage", "start_span", "start_as_current_span"}
INSTRUMENTS = {"create_counter": "counter", "create_histogram": "histogram"}


def nodes() -> Iterator[ast.AST]:
    for room in ("detector", "responder"):
        for path in (ROOT / room).rglob("*.py"):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def named_calls(functions: set[str]) -> Iterator[tuple[str, str, ast.Call]]:
    """Calls of methods of these names whose first argument begins with a literal: method, literal, call."""
    for node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            if isinstance(first, ast.JoinedStr):
                first = first.values[0]
            if node.func.attr in functions and isinstance(first, ast.Constant):
                yield node.func.attr, str(first.value), node


def names_in_code() -> set[str]:
    literals = (node.value for node in nodes() if isinstance(node, ast.Constant))
    found = {text for text in literals if isinstance(text, str) and NAME.fullmatch(text)}
    return found | {metric.name for metric in METRICS}


def metric_rows() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `(aegisops\.[a-z_.]+)` \| (\w+) \| `([^`]+)` \|", PAGE, re.MULTILINE)
    return {name: (instrument, unit) for name, instrument, unit in rows}


def test_every_name_in_code_is_on_the_page() -> None:
    assert names_in_code() - set(NAME.findall(PAGE)) == set()


def test_every_name_on_the_page_is_in_code() -> None:
    assert set(NAME.findall(PAGE)) - names_in_code() == set()


def test_metrics_of_the_detector_have_their_instrument_and_unit() -> None:
    rows = metric_rows()
    assert REPORT_LATENCY in METRICS
    for metric in METRICS:
        assert rows[metric.name] == (metric.instrument, metric.unit)


def test_metrics_of_the_responder_have_their_instrument_and_unit() -> None:
    rows, seen = metric_rows(), set()
    for method, name, call in named_calls(set(INSTRUMENTS)):
        units = [
            k.value.value for k in call.keywords if k.arg == "unit" and isinstance(k.value, ast.Constant)
        ]
        assert rows[name] == (INSTRUMENTS[method], *units)
        seen.add(name)
    assert seen | {metric.name for metric in METRICS} == rows.keys()


def test_every_span_is_on_the_page() -> None:
    spans = {name for _, name, _ in named_calls(SPAN_MAKERS)}
    assert {"detect", "analyse", "execute"} <= spans
    assert {span for span in spans if f"`{span}" not in PAGE} == set()


def test_every_signal_and_statistic_is_explained() -> None:
    assert {word.value for word in (*Signal, *Stat) if f"`{word.value}`" not in PAGE} == set()
