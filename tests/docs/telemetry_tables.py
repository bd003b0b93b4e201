"""The tables of docs/telemetry.md, from the registries in code. Run as a program, it writes them anew."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from detector.hosting.registry import Attribute, Metric, Registry
from detector.report.telemetry_registry import REGISTRY as DETECTOR
from responder.telemetry_registry import REGISTRY as RESPONDER

PAGE = Path(__file__).parents[2] / "docs" / "telemetry.md"
BEGIN, END = "<!-- from code: {} -->", "<!-- end -->"


def metrics(registry: Registry) -> Iterator[str]:
    yield from _head("metric", "instrument", "unit", "what", "attributes")
    for metric in registry.metrics:
        yield _row(
            f"`{metric.name}`",
            str(metric.instrument),
            f"`{metric.unit}`",
            _told(metric),
            _names(metric.attributes),
        )


def spans() -> Iterator[str]:
    yield from _head("span", "what", "attributes")
    for span in (*DETECTOR.spans, *RESPONDER.spans):
        name = f"`{span.name} …` ({span.variable})" if span.variable else f"`{span.name}`"
        yield _row(name, span.description, _names(span.attributes))
        for event in span.events:
            yield _row(f"its event `{event.name}`", event.description, _names(event.attributes))


def events() -> Iterator[str]:
    yield from _head("log event", "what", "attributes")
    for event in (*DETECTOR.events, *RESPONDER.events):
        yield _row(f"`{event.name}`", event.description, _names(event.attributes))


def attributes() -> Iterator[str]:
    yield from _head("attribute", "what", "values, where they are few")
    known: dict[str, Attribute] = {}
    for one in all_attributes():
        if one.name not in known or len(one.values) > len(known[one.name].values):
            known[one.name] = one
    for name in sorted(known):
        one = known[name]
        yield _row(f"`{name}`", one.description, ", ".join(f"`{value}`" for value in one.values))


def all_attributes() -> Iterator[Attribute]:
    for registry in (DETECTOR, RESPONDER):
        for told in (*registry.metrics, *registry.spans, *registry.events):
            yield from told.attributes
        for span in registry.spans:
            for event in span.events:
                yield from event.attributes


TABLES = {
    "metrics of the detector": lambda: metrics(DETECTOR),
    "metrics of the responder": lambda: metrics(RESPONDER),
    "spans": spans,
    "log events": events,
    "attributes": attributes,
}


def written(page: str) -> str:
    """The page with its tables as the code wants them."""
    for title, rows in TABLES.items():
        begin = BEGIN.format(title)
        table = "\n".join(rows())
        page, count = re.subn(
            f"{re.escape(begin)}.*?{re.escape(END)}",
            lambda _, text=f"{begin}\n\n{table}\n\n{END}": text,
            page,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"the page must have {begin} once")
    return page


def _told(metric: Metric) -> str:
    return metric.description + ("; from 0" if metric.from_zero else "")


def _names(attributes: Iterable[Attribute]) -> str:
    return ", ".join(f"`{one.name}`" for one in attributes)


def _head(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield _row(*("---" for _ in cells))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
