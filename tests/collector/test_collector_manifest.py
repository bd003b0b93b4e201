"""The Collector's manifest, what pins it, and what its configurations ask of it."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COLLECTOR = ROOT / "collector"
MANIFEST = yaml.safe_load((COLLECTOR / "manifest.yaml").read_text())
KINDS = ("receivers", "processors", "connectors", "exporters", "extensions")
LISTED = sorted(
    {part["gomod"] for kind in (*KINDS, "providers") for part in MANIFEST[kind]}
    - {"aegisops/collector v0.0.0"}  # the module itself
)


@pytest.mark.parametrize("module", LISTED)
def test_go_mod_pins_what_the_manifest_names(module: str) -> None:
    assert re.search(rf"^\s*{re.escape(module)}$", (COLLECTOR / "go.mod").read_text(), re.MULTILINE)


@pytest.mark.parametrize("module", LISTED)
def test_every_part_is_told_of_in_the_documentation(module: str) -> None:
    name = module.split(maxsplit=1)[0].rsplit("/", 1)[1]
    assert f"`{name}`" in (ROOT / "docs" / "collector.md").read_text()


def test_every_variable_of_a_configuration_is_told_of_in_the_documentation() -> None:
    configurations = "".join(one.read_text() for one in (ROOT / "otel-config").glob("*.yaml"))
    documented = (ROOT / "docs" / "collector.md").read_text()
    names = set(re.findall(r"\$\{env:(AEGISOPS_\w+)", configurations))
    assert not [name for name in sorted(names) if f"`{name}`" not in documented]
