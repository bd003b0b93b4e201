"""An incident's evidence as short masked phrases: what two incidents of one kind have in common."""

import re
from collections.abc import Iterator

from detector import Evidence, EvidenceKind, Incident
from responder.redaction import redact

LOG_LINES = 5
"""Examples of log lines that count, per piece of evidence."""

_TIME = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d\d:\d\d:\d\d(?:[.,]\d+)?"
)
_ATTRIBUTES = re.compile(r"\{.*\}", re.DOTALL)  # which route, peer or disk: the fault's place, not its kind
_ID = re.compile(r"\b(?=\w*\d\w*\d)(?=\w*[A-Za-z])\w{6,}\b|\b0x[0-9a-fA-F]+\b")
_NUMBER = re.compile(r"(?<![\w<])[+-]?\d+(?:[.,:/]\d+)*")


def patterns_of(incident: Incident, limit: int, length: int) -> tuple[str, ...]:
    """At most `limit` different phrases of at most `length` characters, the weightiest evidence first."""
    heaviest_first = sorted(incident.evidence, key=lambda e: -e.weight)
    phrases: dict[str, None] = {}
    for evidence in heaviest_first:
        for phrase in _phrases(evidence, length):
            if len(phrases) == limit:
                return tuple(phrases)
            phrases[phrase] = None
    return tuple(phrases) or (f"{incident.type} without evidence",)


def mask(text: str, length: int) -> str:
    """`text` without secrets, times, identifiers and numbers, at most `length` characters."""
    text = redact(text, length)
    for pattern, name in ((_TIME, "<time>"), (_ID, "<id>"), (_NUMBER, "<num>")):
        text = pattern.sub(name, text)
    return text[:length]


def _phrases(evidence: Evidence, length: int) -> Iterator[str]:
    series = _ATTRIBUTES.sub("", evidence.series)
    yield mask(f"{evidence.kind} {evidence.signal} {evidence.reason} {series}", length)
    for line in evidence.log_lines[:LOG_LINES]:
        if masked := mask(line, length - len("log: ")):
            yield f"{EvidenceKind.LOG}: {masked}"
