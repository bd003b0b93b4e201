"""docs/settings.md names every setting with its default, and none that does not exist."""

import ast
import re
from pathlib import Path

import pytest
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from aegisops.settings import StackSettings
from buggy_app.settings import Settings as AppSettings
from detector.settings import DetectorSettings
from responder.llm_settings import LlmSettings
from responder.settings import ResponderSettings

ROOT = Path(__file__).parents[2]
PACKAGES = ("aegisops", "buggy_app", "detector", "responder")
PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\b(?:AEGISOPS|BUGGY_APP)_[A-Z][A-Z_]*[A-Z]\b")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def variable(settings: type[BaseSettings], name: str, field: FieldInfo) -> str:
    if isinstance(field.validation_alias, AliasChoices):
        (alias,) = field.validation_alias.choices
        return str(alias)
    return f"{settings.model_config.get('env_prefix', '')}{name}".upper()


def shown(default: object) -> str:
    if default is None or default == ():
        return "none"
    return f"`{','.join(map(str, default))}`" if isinstance(default, tuple) else f"`{default}`"


TABLES: dict[str, type[BaseSettings]] = {
    "Detector": DetectorSettings,
    "Responder": ResponderSettings,
    "Diagnosis by language models": LlmSettings,
    "Buggy app": AppSettings,
    "Local stack": StackSettings,
}
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]


def in_code(settings: type[BaseSettings]) -> dict[str, str]:
    fields = settings.model_fields.items()
    return {variable(settings, name, field): shown(field.default) for name, field in fields}


@pytest.mark.parametrize("title", TABLES)
def test_each_setting_stands_in_its_table_with_its_default(title: str) -> None:
    on_page = {name.strip("`"): default for name, default, _ in rows(section(title))}
    assert on_page == in_code(TABLES[title])


def test_every_setting_has_a_meaning() -> None:
    assert all(meaning for title in TABLES for _, _, meaning in rows(section(title)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_variable_that_does_not_exist(page: Path) -> None:
    sources = [path for room in (*PACKAGES, "tests") for path in (ROOT / room).rglob("*.py")]
    sources += (ROOT / "otel-config").glob("*.yaml")
    known = {name for settings in TABLES.values() for name in in_code(settings)}
    known.update(name for path in sources for name in VARIABLE.findall(path.read_text(encoding="utf-8")))
    assert set(VARIABLE.findall(page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize(
    ("command", "root"),
    [
        ("python -m detector", "detector/main.py"),
        ("python -m responder", "responder/main.py"),
        ("aegisops", "aegisops/cli.py"),
    ],
)
def test_exit_codes_are_those_the_program_promises(command: str, root: str) -> None:
    promise = ast.get_docstring(ast.parse((ROOT / root).read_text(encoding="utf-8"))) or ""
    promised = re.findall(r"[:;]?\s(\d) ", promise.split("Exit ", 1)[1])
    named, last = [], ""
    for program, code, _ in rows(section("Exit codes")):
        last = program or last
        if last == f"`{command}`":
            named.append(code)
    assert named == sorted(promised)
