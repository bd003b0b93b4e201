"""Text that came with telemetry, made fit to be shown to people: bounded, on one line, without secrets."""

import re
import unicodedata

_SECRET = re.compile(
    r"(?i)(?:\b(?:authorization|bearer|basic)|"
    r"[\w-]{0,40}(?:password|passwd|pwd|secret|token|api[_-]?key|credential)[\w-]{0,20})"
    r"(?:\s{0,3}[=:]\s{0,3}|\s)(?:(?:bearer|basic)\s+)?(?P<secret>[^\s,;\"'&]{1,400})"
    r"|://(?P<login>[^\s/@]{1,200})@"
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")

# Quotation marks would end our quotation, square brackets would look like a citation of ours.
_MARKS = str.maketrans({'"': "'", "“": "'", "”": "'", "`": "'", "[": "(", "]": ")", "<": "(", ">": ")"})


def sanitised(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters, without control, format and bidi characters."""
    folded = unicodedata.normalize("NFKC", text[: 4 * limit])
    seen = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in folded)
    line = " ".join(seen.translate(_MARKS).split())
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def quoted(line: str, start: int, end: int, limit: int = 100) -> str:
    """The part of a log line around `line[start:end]`, in quotation marks, secrets masked."""
    room = max(0, limit - (end - start)) // 2
    first, last = max(0, start - room), min(len(line), end + room)
    # Masked before it is cut, so that no secret is left without the name it is known by.
    part = _SECRET.sub(_stars, line)[first:last]
    cut = "..." if last < len(line) else ""
    return f'"{sanitised(part, limit - len(cut))}{cut}"'


def _stars(match: re.Match[str]) -> str:
    """The match with its secret as asterisks, of the same length so that positions stay."""
    group = "secret" if match["secret"] is not None else "login"
    begin, end = (place - match.start() for place in match.span(group))
    return match[0][:begin] + "*" * (end - begin) + match[0][end:]


def name(text: str) -> str:
    """A service, peer or instance name as shown in prose."""
    return sanitised(text, 60) or "(unnamed)"


def citation(evidence_id: str) -> str:
    """`[id]` for an identifier of plain characters, else nothing: other text is never shown as ours."""
    return f"[{evidence_id}]" if _ID.fullmatch(evidence_id) else ""
