"""A YAML text as plain values, each with the line it stands on.

Only mappings with text keys, lists, texts, numbers, yes/no and null: no tags, no aliases (a few lines of
them can unfold to gigabytes), no key twice (the second would silently win), a bounded depth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MAX_DEPTH = 32
MAX_BYTES = 256 * 1024

YamlPath = tuple[str | int, ...]

_PREFIX = "tag:yaml.org,2002:"
_TYPED = frozenset(_PREFIX + name for name in ("int", "float", "bool", "null"))
_AS_TEXT = frozenset(_PREFIX + name for name in ("str", "timestamp", "value"))


class YamlError(Exception):
    """The text cannot be read; `line` (from 1) says where, None where that is not known."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """`value`: plain Python values; `lines`: the line (from 1) of each value by its path."""

    value: Any
    lines: Mapping[YamlPath, int]

    def line_of(self, path: YamlPath) -> int | None:
        """The line of the value at `path`, or of the nearest value around it.

        Parts of the path that are not in the document (a validator's own) are passed over.
        """
        known: YamlPath = ()
        for part in path:
            if (*known, part) in self.lines:
                known = (*known, part)
        return self.lines.get(known)


class _BoundedLoader(yaml.SafeLoader):
    """SafeLoader that stops at an alias and at too much depth, before either costs anything."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise YamlError(line, "aliases (*name) are not supported; write the value out")
        if self._depth >= MAX_DEPTH:
            raise YamlError(line, f"nested deeper than {MAX_DEPTH} levels")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def file_bytes(path: Path, what: str, setting: str) -> bytes:
    """The file's bytes, no more than `read_declaration` needs to see that there are too many.

    Raises `YamlError` where it cannot be read: it names `what` the file is, and the `setting` to change.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or error
        raise YamlError(
            None, f"cannot read the {what} {path}: {reason}; set {setting} to a readable file"
        ) from error


def read_declaration(data: bytes, needs: str) -> YamlDocument:
    """The mapping in a file of `data`; `needs` names what must stand in it.

    Raises `YamlError`, also where it is too large, not UTF-8 or no mapping.
    """
    if len(data) > MAX_BYTES:
        raise YamlError(None, f"larger than {MAX_BYTES // 1024} KiB; make it smaller")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise YamlError(line, "not UTF-8; save the file as UTF-8") from error
    document = read_yaml(text)
    if not isinstance(document.value, dict):
        raise YamlError(None, f"a mapping with 'version: 1' and '{needs}' is needed")
    return document


def read_yaml(text: str) -> YamlDocument:
    """The one document in `text`. Raises `YamlError`."""
    try:
        loader = _BoundedLoader(text)
        try:
            node = loader.get_single_node()
            lines: dict[YamlPath, int] = {}
            value = None if node is None else _plain(loader, node, (), lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else None, f"not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise YamlError(None, f"not valid YAML: {error}") from error
    return YamlDocument(value, lines)


def _plain(loader: _BoundedLoader, node: yaml.Node, path: YamlPath, lines: dict[YamlPath, int]) -> Any:
    lines[path] = line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode) and node.tag == _PREFIX + "map":
        return _mapping(loader, node, path, lines)
    if isinstance(node, yaml.SequenceNode) and node.tag == _PREFIX + "seq":
        return [_plain(loader, item, (*path, i), lines) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and node.tag in _AS_TEXT:
        return str(node.value)
    if isinstance(node, yaml.ScalarNode) and node.tag in _TYPED:
        try:
            return loader.construct_object(node)
        except (ValueError, KeyError, OverflowError) as error:  # a tag that does not fit, as in !!int x
            raise YamlError(line, f"{node.value[:40]!r} is not a {node.tag.removeprefix(_PREFIX)}") from error
    raise YamlError(line, f"the tag {node.tag[:60]!r} is not supported; write a plain value")


def _mapping(
    loader: _BoundedLoader, node: yaml.MappingNode, path: YamlPath, lines: dict[YamlPath, int]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _PREFIX + "str":
            raise YamlError(line, "a name must be text; put it in quotes")
        key = str(key_node.value)
        if key in values:
            raise YamlError(line, f"{key[:80]!r} stands here a second time; keep one of the two")
        values[key] = _plain(loader, value_node, (*path, key), lines)
        lines[(*path, key)] = line  # the name's own line, where one looks for it
    return values
