"""Untrusted text made fit to keep and to show: no secrets, no control characters, a bounded length.

A pattern-based mask cannot know every secret; it errs on the side of masking (any long run of hex or of
mixed letters and digits goes), since what is lost that way is identifiers, which nothing here needs.
"""

import re
import unicodedata

_READ_AHEAD = 8  # as many times the limit are read at most: bounds the work on huge input

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
            r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b|\bgh[opsur]_\w{16,}|\bxox[a-z]-[\w-]{8,}|\bsk-[\w-]{12,}"
        ),
        "<token>",
    ),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b(?:0x)?[0-9a-fA-F]{16,}\b"), "<hex>"),
    (re.compile(r"(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{32,}={0,2}"), "<token>"),
)


def redact(text: str, limit: int) -> str:
    """`text` on one line, secrets masked, at most `limit` characters (cut with an ellipsis)."""
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text[: limit * _READ_AHEAD])
    for pattern, mask in _SECRETS:
        text = pattern.sub(mask, text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
