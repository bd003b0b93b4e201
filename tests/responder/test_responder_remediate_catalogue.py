"""Reading the catalogue: what is accepted, and what people are told about the rest."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from responder.incident_record import ActionKind
from responder.remediate.catalogue import (
    Catalogue,
    CatalogueError,
    parse_catalogue,
    read_catalogue,
)
from responder.remediate.command import CommandStep
from responder.remediate.http import HttpStep
from responder.remediate.kinds import KINDS
from responder.remediate.supervisor.step import Restart, ScaleUp, SupervisorConnection
from responder.yaml_file.document import MAX_BYTES

WHOLE = """
version: 1
process_manager:
  supervisor: {url: "unix://${RUN_DIR}/s.sock"}
services:
  shop:
    actions:
      RESTART:
        - supervisor: {operation: restart, program: "shop:*"}
      SCALE_UP:
        - supervisor: {operation: scale_up, group: shop, max_replicas: 4}
      RECYCLE_POOL:
        - http: {url: "http://127.0.0.1:${PORT}/recycle", json: {all: true, cost: "$${PORT}"}}
      ROLLBACK:
        - command: {argv: [rollback, "${RUN_DIR}"], timeout_s: 5}
        - supervisor: {operation: restart, program: shop, at_once: 2}
"""
ENVIRON = {"RUN_DIR": "/run/shop", "PORT": "8000"}


def parse(text: str, environ: dict[str, str] | None = None) -> Catalogue:
    return parse_catalogue(text.encode("utf-8"), ENVIRON if environ is None else environ, KINDS)


def complaint(text: str) -> str:
    with pytest.raises(CatalogueError) as caught:
        parse(text)
    return str(caught.value)


def restart_with(step: str) -> str:
    return f"version: 1\nservices:\n  shop:\n    actions:\n      RESTART:\n        - {step}\n"


def test_a_whole_catalogue_is_read_with_its_defaults() -> None:
    catalogue = parse(WHOLE)
    actions = catalogue.services["shop"]
    assert catalogue.connections == {"supervisor": SupervisorConnection(url="unix:///run/shop/s.sock")}
    assert set(actions) == {
        ActionKind.RESTART,
        ActionKind.SCALE_UP,
        ActionKind.RECYCLE_POOL,
        ActionKind.ROLLBACK,
    }
    (scale,) = actions[ActionKind.SCALE_UP]
    assert scale.spec == ScaleUp(operation="scale_up", group="shop", max_replicas=4, by=2)
    (recycle,) = actions[ActionKind.RECYCLE_POOL]
    assert recycle.spec == HttpStep.model_validate(
        {"url": "http://127.0.0.1:8000/recycle", "json": {"all": True, "cost": "${PORT}"}}
    )
    roll, restart = actions[ActionKind.ROLLBACK]
    assert (roll.executor, restart.executor) == ("command", "supervisor")
    assert roll.spec == CommandStep(argv=("rollback", "/run/shop"), timeout_s=5)
    assert restart.spec == Restart(operation="restart", program="shop", at_once=2)


def test_the_environment_cannot_add_structure() -> None:
    catalogue = parse(
        restart_with('command: {argv: ["${WORDS}"]}'.replace("WORDS", "RUN_DIR")),
        {"RUN_DIR": 'a", "b"]}\n        - command: {argv: [evil]}'},
    )
    (step,) = catalogue.services["shop"][ActionKind.RESTART]
    assert isinstance(step.spec, CommandStep)
    assert len(step.spec.argv) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a mapping with 'version: 1' and 'services' is needed"),
        ("- a", "a mapping with 'version: 1' and 'services' is needed"),
        ("services: {}", "line 1: the field 'version' is missing; add it"),
        ("version: 2\nservices: {}", "line 1: version: must be 1"),
        ("version: 1\nservices: {}\nactions: {}", "line 3: unknown field 'actions'"),
        (
            "version: 1\nservices:\n  shop: []",
            "line 3: services.shop: a mapping (name: value) is needed here",
        ),
        ("version: 1\nservices:\n  8000: {}", "line 3: a name must be text; put it in quotes"),
        ("version: 1\nversion: 1", "line 2: 'version' stands here a second time"),
        ("version: 1\nservices: &a {}\nx: *a", "line 3: aliases (*name) are not supported"),
        ("version: !!python/object/apply:os.system [ls]", "line 1: the tag"),
        ("version: !!int x", "line 1: 'x' is not a int"),
        ("version: [1", "line 1: not valid YAML"),
        ("a: " + "[" * 10_000, "line 1: nested deeper than 32 levels"),
        ("version: 1\nservices: {a: '${NOT_SET}'}", "line 2: services.a: ${NOT_SET} is not set"),
        ("version: 1\nservices: {a: '${ x }'}", "'${' begins no name; write ${NAME}"),
        (
            restart_with("command: {argv: [a], timeout: 3}"),
            "line 6: services.shop.actions.RESTART[0].command: unknown field 'timeout'; "
            "did you mean 'timeout_s'?",
        ),
        (
            restart_with("command: {argv: [8000]}"),
            "command.argv[0]: a text is needed here; put the value in quotes",
        ),
        (
            restart_with("command: {argv: a}"),
            "command.argv: a list is needed here; begin each item with '- '",
        ),
        (restart_with("command: {argv: [a], timeout_s: yes}"), "a number is needed here, not yes/no"),
        (restart_with("command: {argv: [a], timeout_s: .nan}"), "timeout_s: "),
        (restart_with("command: {}"), "the field 'argv' is missing; add it"),
        (restart_with("teleport: {}"), "unknown field 'teleport'; the fields here are supervisor, "),
        (
            restart_with('{command: {argv: [a]}, http: {url: "http://x/"}}'),
            "name exactly one of supervisor, ",
        ),
        (restart_with("command:"), "name exactly one of supervisor, "),
        (restart_with("{}"), "name exactly one of supervisor, "),
        (restart_with("http: {url: 'file:///x'}"), "only http:// and https://"),
        (
            restart_with("supervisor: {operation: reboot, program: a}"),
            "must be one of 'restart', 'start', 'stop', 'scale_up', 'scale_down'",
        ),
        (restart_with("supervisor: {program: a}"), "the field 'operation' is missing; add it"),
        (
            restart_with("supervisor: {operation: restart, program: 'a b'}"),
            'program: write "name", "group:name" or "group:*"',
        ),
        (
            restart_with("supervisor: {operation: restart, program: a}"),
            "RESTART[0]: needs process_manager.supervisor; add it at the top of the file",
        ),
        ("version: 1\nservices: {a: {actions: {RESTRAT: []}}}", "RESTRAT: must be 'RESTART', 'SCALE_UP'"),
        ("version: 1\nservices: {a: {actions: {RESTART: []}}}", "RESTART: at least one item is needed"),
        (
            "version: 1\nservices: {a: {actions: {NOOP: [command: {argv: [a]}]}}}",
            "NOOP is always there and has no steps; remove it",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_change(text: str, told: str) -> None:
    assert told in complaint(text)


def test_a_mistake_does_not_show_the_value_it_may_share_with_a_secret() -> None:
    text = restart_with('http: {url: "ftp://x/?k=${RUN_DIR}", method: "${RUN_DIR}"}')
    assert "/run/shop" not in complaint(text)


def test_all_mistakes_are_told_at_once_and_only_so_many() -> None:
    assert len(complaint(restart_with("command: {argv: [1, 2, 3]}")).splitlines()) == 3
    many = complaint(restart_with(f"command: {{argv: {list(range(90))}}}")).splitlines()
    assert (len(many), many[-1]) == (21, "and 70 more")


def test_a_file_that_is_too_large_is_refused_before_it_is_parsed() -> None:
    assert "larger than 256 KiB" in complaint("#" * (MAX_BYTES + 1))


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    with pytest.raises(CatalogueError, match="line 2: not UTF-8"):
        parse_catalogue(b"version: 1\n\xff", {}, KINDS)


def test_a_file_that_is_not_there_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="AEGISOPS_RESPONDER_CATALOGUE"):
        read_catalogue(tmp_path / "missing.yaml", {}, KINDS)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_catalogue_or_a_catalogue_error(data: bytes) -> None:
    _reads_or_complains(data)


@given(st.text(alphabet="{}[]:,-&*!|>#%@`'\"? \n\t${}.~0123456789aeinortvsx<=_", max_size=200))
def test_any_punctuation_is_a_catalogue_or_a_catalogue_error(text: str) -> None:
    _reads_or_complains(text.encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PARTS = st.sampled_from(
    [
        "version",
        "services",
        "process_manager",
        "actions",
        "RESTART",
        "NOOP",
        "supervisor",
        "http",
        "command",
        "operation",
        "program",
        "group",
        "url",
        "argv",
        "env",
        "headers",
        "json",
        "timeout_s",
        "cwd",
        "shop",
    ]
)
NEAR_MISSES = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PARTS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(PARTS, NEAR_MISSES, max_size=4))
def test_any_structure_is_a_catalogue_or_a_catalogue_error(value: dict[str, Any]) -> None:
    _reads_or_complains(yaml.safe_dump(value).encode())


@given(st.integers(min_value=0, max_value=len(WHOLE)), st.integers(0, 30), st.text(max_size=10))
def test_any_damage_to_a_good_catalogue_is_a_catalogue_or_a_catalogue_error(
    at: int, cut: int, put: str
) -> None:
    _reads_or_complains((WHOLE[:at] + put + WHOLE[at + cut :]).encode("utf-8", "surrogatepass"))


def _reads_or_complains(data: bytes) -> None:
    """Lets every other exception through, and so fails."""
    with contextlib.suppress(CatalogueError):
        assert isinstance(parse_catalogue(data, ENVIRON, KINDS), Catalogue)
