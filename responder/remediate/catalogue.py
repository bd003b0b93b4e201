"""The catalogue: what may be done with which service, and how, read from one YAML file.

Nothing outside it is ever done. It is the operator's own file, so every mistake is an error that says
the line and what to change, and nothing is guessed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, cast

from pydantic import Field, ValidationError, create_model, field_validator

from responder.incident_record import ActionKind
from responder.remediate.declaration import Declared, ExecutorKind, OneOf
from responder.yaml_file.document import YamlDocument, YamlError, YamlPath, file_bytes, read_declaration
from responder.yaml_file.problems import Problem, at_line, dotted, problems_of, told

MAX_SERVICES = 1000
MAX_STEPS = 20

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")

_ServiceName = Annotated[str, Field(min_length=1, max_length=255)]


class CatalogueError(Exception):
    """The catalogue cannot be used; the message says where and what to change, for people."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an action: the executor's name, and the step as that executor's own model."""

    executor: str
    spec: Declared


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Actions by service (`service.name`), and the connections of executors that have one."""

    version: int
    services: Mapping[str, Mapping[ActionKind, tuple[Step, ...]]]
    connections: Mapping[str, Declared]


def read_catalogue(path: Path, environ: Mapping[str, str], kinds: Sequence[ExecutorKind]) -> Catalogue:
    """The catalogue in the file at `path`. Raises `CatalogueError`."""
    try:
        data = file_bytes(path, "catalogue", "AEGISOPS_RESPONDER_CATALOGUE")
    except YamlError as error:
        raise CatalogueError(str(error)) from error
    return parse_catalogue(data, environ, kinds, source=str(path))


def parse_catalogue(
    data: bytes, environ: Mapping[str, str], kinds: Sequence[ExecutorKind], source: str = "catalogue"
) -> Catalogue:
    """The catalogue in `data` (UTF-8), `${NAME}` replaced from `environ`. Raises `CatalogueError`."""
    try:
        document = read_declaration(data, "services")
    except YamlError as error:
        raise CatalogueError(f"{source}{at_line(error.line)}: {error}") from error
    expansion = _Expansion(document, environ)
    value = expansion.expand(document.value, ())
    if expansion.problems:
        raise _error(source, expansion.problems)
    try:
        file = _file_model(kinds).model_validate(value)
    except ValidationError as error:
        raise _error(source, problems_of(error, document)) from error
    catalogue = _plain(cast(_File, file))
    _require_connections(catalogue, kinds, document, source)
    return catalogue


class _Expansion:
    """Replaces `${NAME}` in texts (never in names); `$${` stands for the characters `${`."""

    def __init__(self, document: YamlDocument, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self.problems: list[tuple[int | None, str]] = []

    def expand(self, value: Any, path: YamlPath) -> Any:
        if isinstance(value, dict):
            return {key: self.expand(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.expand(item, (*path, i)) for i, item in enumerate(value)]
        if isinstance(value, str):
            return _REFERENCE.sub(lambda match: self._replace(match, path), value)
        return value

    def _replace(self, match: re.Match[str], path: YamlPath) -> str:
        name = match.group(1)
        if name is None and match.group() == "$${":
            return "${"
        if name is None:
            self._add(path, "'${' begins no name; write ${NAME}, or $${ for the characters themselves")
        elif name not in self._environ:
            self._add(path, f"${{{name}}} is not set; set the environment variable {name[:100]}")
        else:
            return self._environ[name]
        return ""

    def _add(self, path: YamlPath, message: str) -> None:
        self.problems.append((self._document.line_of(path), f"{dotted(path)}: {message}"))


class _Service(Protocol):
    """The shape of one entry under `services`, whatever executors there are."""

    actions: Mapping[ActionKind, Sequence[OneOf]]


class _File(Protocol):
    """The shape of the whole file, whatever executors there are."""

    version: int
    services: Mapping[str, _Service]
    process_manager: Declared | None


class _ServiceBase(Declared):
    @field_validator("actions", check_fields=False)
    @classmethod
    def _no_noop(cls, actions: dict[ActionKind, Any]) -> dict[ActionKind, Any]:
        if ActionKind.NOOP in actions:
            raise ValueError("NOOP is always there and has no steps; remove it")
        return actions


def _file_model(kinds: Sequence[ExecutorKind]) -> type[Declared]:
    """The file's model, its steps and connections as wide as the executors in `kinds`."""
    step_fields: dict[str, Any] = {kind.name: (kind.step | None, None) for kind in kinds}
    step = create_model("Step", __base__=OneOf, **step_fields)
    connection_fields: dict[str, Any] = {
        kind.name: (kind.connection | None, None) for kind in kinds if kind.connection is not None
    }
    connections = create_model("ProcessManager", __base__=Declared, **connection_fields)
    steps: Any = Annotated[tuple[step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    service = create_model("Service", __base__=_ServiceBase, actions=(dict[ActionKind, steps], ...))
    services: Any = Annotated[dict[_ServiceName, service], Field(max_length=MAX_SERVICES)]
    return create_model(
        "CatalogueFile",
        __base__=Declared,
        version=(Literal[1], ...),
        process_manager=(connections | None, None),
        services=(services, ...),
    )


def _plain(file: _File) -> Catalogue:
    services = {
        name: {
            action: tuple(Step(*step.chosen()) for step in steps) for action, steps in service.actions.items()
        }
        for name, service in file.services.items()
    }
    declared = file.process_manager
    connections = {} if declared is None else {name: value for name, value in declared if value is not None}
    return Catalogue(file.version, services, connections)


def _require_connections(
    catalogue: Catalogue, kinds: Sequence[ExecutorKind], document: YamlDocument, source: str
) -> None:
    missing = {k.name for k in kinds if k.connection is not None and k.name not in catalogue.connections}
    problems = [
        (
            document.line_of(path),
            f"{dotted(path)}: needs process_manager.{step.executor}; add it at the top of the file",
        )
        for service, actions in catalogue.services.items()
        for action, steps in actions.items()
        for index, step in enumerate(steps)
        if step.executor in missing
        for path in [("services", service, "actions", str(action), index)]
    ]
    if problems:
        raise _error(source, problems)


def _error(source: str, problems: Sequence[Problem]) -> CatalogueError:
    return CatalogueError(told(source, problems))
