"""What docs/architecture.md and README.md name is there, and every route is named."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI

from detector.hosting import Exposition
from detector.report.queries import query_interface
from responder.api import build_app

ROOT = Path(__file__).parents[2]
ROOMS = ("aegisops", "buggy_app", "detector", "responder")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w*.-]+(?:/[\w*.-]+)*(?:/|\.(?:py|yaml|md|toml|lock))")
MODULE = re.compile(r"(?:buggy_app|detector|responder)(?:\.[a-z_]+)+")
LINK = re.compile(r"\]\(([^)#:]+)\)")
ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[^\s?]*)")
UNUSED: Any = None  # a part that describing an application does not touch


def sections(text: str) -> dict[str, str]:
    """Texts by heading; what stands before the first one under ""."""
    heads = re.split(r"^##? (.+)$", text, flags=re.MULTILINE)
    return dict(zip(["", *heads[1::2]], heads[::2], strict=True))


def section(beginning: str) -> str:
    return next(text for head, text in sections(ARCHITECTURE).items() if head.startswith(beginning))


def files_named(page: str) -> set[tuple[str, str]]:
    """(room, path). Under "The detector, inside" a path lies somewhere in that room, elsewhere room is ""."""
    named = set()
    for head, part in sections((ROOT / page).read_text(encoding="utf-8")).items():
        inside = re.fullmatch(r"The (\w+), inside", head)
        room = inside.group(1) if inside else ""
        named.update((room, token) for token in CODE.findall(part) if FILE.fullmatch(token))
    return named


def exists(room: str, path: str) -> bool:
    anywhere = "**/" if room else ""
    return any((ROOT / room).glob(anywhere + path.rstrip("/")))


def module_exists(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize("page", ["docs/architecture.md", "README.md"])
def test_every_file_that_is_named_exists(page: str) -> None:
    assert {path for room, path in files_named(page) if not exists(room, path)} == set()


@pytest.mark.parametrize("page", ["docs/architecture.md", "README.md"])
def test_every_module_that_is_named_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    run = re.findall(r"python3? -m ((?:aegisops|buggy_app|detector|responder)[\w.]*)", text)
    named = {token for token in CODE.findall(text) if MODULE.fullmatch(token)} | set(run)
    assert {name for name in named if not module_exists(name)} == set()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).is_file()] == []


@pytest.mark.parametrize("room", ROOMS[2:])
def test_every_part_of_a_room_is_named(room: str) -> None:
    text = section(f"The {room}, inside")
    parts = {
        path.name for path in (ROOT / room).iterdir() if path.is_dir() and (path / "__init__.py").is_file()
    }
    assert {part for part in parts if f"`{part}/" not in text} == set()


def test_every_file_that_correlates_is_named() -> None:
    files = {path.name for path in (ROOT / "detector" / "correlate").glob("[a-z]*.py")}
    assert {name for name in files if f"`correlate/{name}`" not in section("The detector, inside")} == set()


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    paths = app.openapi()["paths"]
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path))
        for path, methods in paths.items()
        for method in methods
    }


def routes_on_page(text: str) -> set[tuple[str, str]]:
    return {cast(tuple[str, str], match) for token in CODE.findall(text) for match in ROUTE.findall(token)}


def test_the_query_interface_is_described_as_it_is() -> None:
    app = query_interface(UNUSED, UNUSED, UNUSED, timeout_s=1.0, exposition=Exposition())
    assert routes_on_page(section("Detector's query interface")) == routes_of(app)


def test_the_responders_api_is_described_as_it_is() -> None:
    app = build_app(UNUSED)
    assert routes_on_page(section("Responder's REST")) == routes_of(app) | {("GET", app.docs_url)}
