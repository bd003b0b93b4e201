"""OTLP's JSON: protobuf's own mapping to JSON, but with trace and span ids in hex.

From the "JSON Protobuf Encoding" of the OTLP specification: names of fields in lowerCamelCase, enums as
numbers, 64-bit integers as decimal strings (numbers are read too), unknown fields ignored.
"""

import binascii
import json
from base64 import b64encode
from typing import Any, NoReturn

from google.protobuf import json_format
from google.protobuf.message import Message

_IDS = ("traceId", "spanId", "parentSpanId")


class JsonError(ValueError):
    """The text is no message of that type in OTLP's JSON."""


def read_json(text: bytes, into: Message) -> None:
    """Fill `into`. Raises JsonError, also for what is nested too deeply."""
    try:
        parsed = json.loads(text, object_hook=_with_ids_in_base64, parse_constant=_no_constant)
        if not isinstance(parsed, dict):
            raise JsonError("the text is no JSON object")
        json_format.ParseDict(parsed, into, ignore_unknown_fields=True)
    except (json_format.Error, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise JsonError(f"the body is not OTLP in JSON: {_shown(error)}") from error


def write_json(message: Message) -> bytes:
    """`message`, which must have no ids, as OTLP's JSON."""
    return json_format.MessageToJson(message, indent=None).encode()


def _with_ids_in_base64(found: dict[str, Any]) -> dict[str, Any]:
    for name in _IDS:
        if isinstance(value := found.get(name), str):
            found[name] = b64encode(binascii.unhexlify(value)).decode()
    return found


def _shown(error: Exception) -> str:
    """Its message, which may quote the text."""
    return str(error)[:300].encode("ascii", "backslashreplace").decode()


def _no_constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not JSON; as text it is")
