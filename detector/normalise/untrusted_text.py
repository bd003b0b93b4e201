"""Text from telemetry made safe to keep: bounded, on one line, without control characters."""

import re

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_BLANKS = re.compile(r"\s+")
_MAX_DEPTH = 4
_MAX_ITEMS = 32


def clean(text: str, limit: int) -> str:
    """`text` without control, bidirectional and zero-width characters, at most `limit` characters."""
    text = text[: 2 * limit]
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    return text.strip()[:limit]


def one_line(text: str, limit: int) -> str:
    """Like `clean`, with every run of blanks and line breaks made one space."""
    return _INVISIBLE.sub("", _BLANKS.sub(" ", text[: 4 * limit])).strip()[:limit]


def text_of(value: AnyValue, limit: int, depth: int = _MAX_DEPTH) -> str:
    """An attribute value or log body as text of at most `limit` characters; "" when it has no value."""
    match value.WhichOneof("value"):
        case "string_value":
            text = value.string_value
        case "bool_value":
            text = "true" if value.bool_value else "false"
        case "int_value":
            text = str(value.int_value)
        case "double_value":
            text = repr(value.double_value)
        case "bytes_value":
            text = value.bytes_value[:limit].hex()
        case "array_value" | "kvlist_value" if depth == 0:
            text = "..."
        case "array_value":
            items = (text_of(item, limit, depth - 1) for item in value.array_value.values[:_MAX_ITEMS])
            text = f"[{', '.join(items)}]"
        case "kvlist_value":
            pairs = value.kvlist_value.values[:_MAX_ITEMS]
            text = " ".join(f"{pair.key[:limit]}={text_of(pair.value, limit, depth - 1)}" for pair in pairs)
        case _:
            text = ""
    return text[:limit]
