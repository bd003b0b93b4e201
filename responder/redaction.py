"""Untrusted text made fit to keep and to show: no secrets, no control characters, a bounded length.

`redact` is for what is kept or written to a log; `sanitised` and those below it for what stands in a sentence
of ours, where it must not pass for a part of it.

A pattern-based mask cannot know every secret; it errs on the side of masking (any long run of hex or of
mixed letters and digits goes), since what is lost that way is identifiers, which nothing here needs.
"""

import re
import unicodedata

_READ_AHEAD = 8  # as many times the limit are read at most: bounds the work on huge input
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")

# Quotation marks would end our quotation, square brackets would look like a citation of ours.
_MARKS = str.maketrans({'"': "'", "“": "'", "”": "'", "`": "'", "[": "(", "]": ")", "<": "(", ">": ")"})

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]{1,40}-----.*?(?:-----END [A-Z ]{1,40}-----|$)", re.DOTALL), "<key>"),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?"), "<token>"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@]{1,256}@"), r"\1<credentials>@"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "<email>"),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+[\w.~+/=-]{6,}"), r"\1 <secret>"),
    (
        re.compile(
            r"(?i)([\w.-]{0,40}(?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|authorization"
            r"|credentials?|private[_-]?key|session[_-]?id|cookie)[\w.-]{0,20}[\"']?\s{0,3}[:=]\s{0,3})"
            r"(?!(?:bearer|basic|digest) <)(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"'}]+)"
        ),
        r"\1<secret>",
    ),
    (
        re.compile(
            r"(?i)\b((?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key)\s+)(?=\S{0,100}\d)[^\s,;&\"'<>]{6,400}"
        ),
        r"\1<secret>",
    ),
    (
        re.compile(
            r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b|\bgh[opsur]_\w{16,}|\bxox[a-z]-[\w-]{8,}|\bsk-[\w-]{12,}"
        ),
        "<token>",
    ),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b(?:0x)?[0-9a-fA-F]{16,}\b"), "<hex>"),
    (re.compile(r"(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{32,}={0,2}"), "<token>"),
)


def redact(text: str, limit: int) -> str:
    """`text` on one line, secrets masked, at most `limit` characters (cut at a word, with an ellipsis)."""
    return cut(_one_line(_masked(_printable(text[: limit * _READ_AHEAD]))), limit)


def sanitised(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters, without control, format and bidi characters, and
    without marks that have a meaning in our sentences."""
    return cut(_plain(text[: limit * _READ_AHEAD]), limit)


def quoted(line: str, start: int, end: int, limit: int = 100) -> str:
    """The part of a log line around `line[start:end]`, in quotation marks, secrets masked."""
    # Masked before it is cut, so that no secret is left without the name it is known by.
    text, told = _masked(_plain(line)), _plain(line[start:end])
    first = max(0, text.find(told) - max(0, limit - len(told)) // 2)
    if first > 0:
        first = text.find(" ", first) + 1 or first
        return f'"…{cut(text[first:], limit - 1)}"'
    return f'"{cut(text, limit)}"'


def name(text: str) -> str:
    """A service, peer or instance name as shown in prose."""
    return sanitised(text, 60) or "(unnamed)"


def citation(evidence_id: str) -> str:
    """`[id]` for an identifier of plain characters, else nothing: other text is never shown as ours."""
    return f"[{evidence_id}]" if _ID.fullmatch(evidence_id) else ""


def cut(text: str, limit: int) -> str:
    """`text`, or its beginning up to a whole word and an ellipsis, at most `limit` characters in all."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    if text[limit - 1] != " ":
        words = head.rpartition(" ")[0]
        head = words if 2 * len(words) >= limit else head
    return head.rstrip(" ,;:") + "…"


def _plain(text: str) -> str:
    return _one_line(_printable(unicodedata.normalize("NFKC", text)).translate(_MARKS))


def _printable(text: str) -> str:
    return "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _masked(text: str) -> str:
    for pattern, mask in _SECRETS:
        text = pattern.sub(mask, text)
    return text
