"""What is wrong in a declared YAML file, as lines and sentences for the one who wrote it."""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from responder.yaml_file.document import YamlDocument

_SHOWN_PROBLEMS = 20

Problem = tuple[int | None, str]


def problems_of(error: ValidationError, document: YamlDocument) -> list[Problem]:
    """Without "too short" of a list whose items were refused: it follows from them."""
    details = error.errors()
    with_items = {detail["loc"][:-depth] for detail in details for depth in range(1, len(detail["loc"]))}
    return [_problem(d, document) for d in details if d["type"] != "too_short" or d["loc"] not in with_items]


def _problem(detail: ErrorDetails, document: YamlDocument) -> Problem:
    """One validation error as a line and a sentence. Values are not quoted: they may hold secrets."""
    path = tuple(part for part in detail["loc"] if part != "[key]")
    context = detail.get("ctx", {})
    kind = detail["type"]
    shown = path
    if kind == "unknown_field":
        path = (*path, context["field"])
    if kind == "missing":
        message, shown = f"the field '{path[-1]}' is missing; add it", path[:-1]
    elif kind == "union_tag_not_found":
        message = f"the field {context['discriminator']} is missing; add it"
    elif kind == "union_tag_invalid":
        message = f"{context['discriminator']} must be one of {context['expected_tags']}"
    elif kind == "string_type":
        message = "a text is needed here; put the value in quotes"
    elif kind in ("model_type", "model_attributes_type", "dict_type"):
        message = "a mapping (name: value) is needed here"
    elif kind in ("tuple_type", "list_type"):
        message = "a list is needed here; begin each item with '- '"
    elif kind == "too_short":
        message = "at least one item is needed"
    else:
        message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return document.line_of(path), f"{dotted(shown)}: {message}" if shown else message


def told(source: str, problems: Sequence[Problem]) -> str:
    """One line a problem, with the line of the file it is on."""
    lines = [f"{source}{at_line(line)}: {message}" for line, message in problems[:_SHOWN_PROBLEMS]]
    if len(problems) > _SHOWN_PROBLEMS:
        lines.append(f"and {len(problems) - _SHOWN_PROBLEMS} more")
    return "\n".join(lines)


def at_line(line: int | None) -> str:
    """`, line 3`, or nothing where the line is not known."""
    return "" if line is None else f", line {line}"


def dotted(path: Sequence[str | int]) -> str:
    """`services[0].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:80]}"
    return text.removeprefix(".")
