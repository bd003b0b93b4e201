"""Untrusted text made fit to keep and to show: no secrets, no control characters, a bounded length.

`redact` is for what is kept or written to a log; `sanitised` and those below it for what stands in a sentence
of ours, where it must not pass for a part of it.

A pattern-based mask cannot know every secret; it errs on the side of masking (any long run of hex or of
mixed letters and digits goes, but for paths of plain words and numbers), since what is lost that way is
identifiers, which nothing here needs.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_READ_AHEAD = 8  # as many times the limit are read at most: bounds the work on huge input
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")

# Quotation marks would end our quotation, square brackets would look like a citation of ours.
_MARKS = str.maketrans({'"': "'", "“": "'", "”": "'", "`": "'", "[": "(", "]": ")", "<": "(", ">": ")"})

_LONG = 32
_DIGITS = 12
_PLAIN_WORD = r"(?:[a-z]{1,24}|[A-Z]{1,24})\d{0,4}"
_CAMEL_WORD = r"[A-Za-z]?[a-z]{2,}\d{0,2}(?:[A-Z][a-z]{2,}\d{0,2}){0,6}"
_FORM = r"[a-z]{1,3}\d{1,2}[a-z]"  # k8s, i18n, log4j
_PLAIN_PARTS = re.compile(rf"(?:{_PLAIN_WORD}|\d{{1,10}})")
_NAME_PARTS = re.compile(rf"(?:{_PLAIN_WORD}|{_CAMEL_WORD}|\d{{1,10}})")


def _is_name(segment: str, parts: re.Pattern[str]) -> bool:
    """Whether a segment of a path is words and numbers, as people name files, and not a random string."""
    if len(segment) >= _LONG or sum(char.isdigit() for char in segment) > _DIGITS:
        return False
    odd = [part for part in re.split("[-_]", segment) if part and not parts.fullmatch(part)]
    return not odd or (len(odd) == 1 and re.fullmatch(_FORM, odd[0]) is not None)


def _unless_path(found: re.Match[str]) -> str:
    """`<token>` in place of a long run of letters and digits, or of that part of a path that is no name.

    Base64 has slashes too: what stands between two segments that are no names goes with them; beside such a
    segment only plain words in one case count as names, and only in a path from the root.
    """
    segments = found.group().split("/")
    if len(segments) > 1 and all(_is_name(one, _NAME_PARTS) for one in segments):
        return found.group()
    if segments[0]:
        return "<token>"
    odd = [at for at, one in enumerate(segments) if not _is_name(one, _PLAIN_PARTS)]
    return "/".join([*segments[: odd[0]], "<token>", *segments[odd[-1] + 1 :]])


@dataclass(frozen=True, slots=True)
class Secret:
    """A pattern and what is put in the place of what it matches.

    Matching is slow, so it is tried on ASCII text only where one of `signs` (in lower case) stands in it, or
    where one of its words has `length` characters: without that the pattern cannot match. Letters beyond
    ASCII may count as others where case does not matter.
    """

    pattern: re.Pattern[str]
    mask: str | Callable[[re.Match[str]], str]
    signs: tuple[str, ...] = ()
    length: int = 0

    def possible(self, text: str) -> bool:
        """Whether the pattern may match."""
        if not text.isascii():
            return True
        if self.length:
            return max(map(len, text.split()), default=0) >= self.length
        lowered = text.lower()
        return any(sign in lowered for sign in self.signs)


_NAMED = ("passw", "pwd", "secret", "token", "key")

SECRETS = (
    Secret(
        re.compile(r"-----BEGIN [A-Z ]{1,40}-----.*?(?:-----END [A-Z ]{1,40}-----|$)", re.DOTALL),
        "<key>",
        ("-----begin",),
    ),
    Secret(re.compile(r"\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?"), "<token>", ("eyj",)),
    Secret(re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@]{1,256}@"), r"\1<credentials>@", ("://",)),
    Secret(re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "<email>", ("@",)),
    Secret(
        re.compile(r"(?i)\b(bearer|basic|digest)\s+[\w.~+/=-]{6,}"),
        r"\1 <secret>",
        ("bearer", "basic", "digest"),
    ),
    Secret(
        re.compile(
            r"(?i)([\w.-]{0,40}(?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|authorization"
            r"|credentials?|private[_-]?key|session[_-]?id|cookie)[\w.-]{0,20}[\"']?\s{0,3}[:=]\s{0,3})"
            r"(?!(?:bearer|basic|digest) <)(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"'}]+)"
        ),
        r"\1<secret>",
        (*_NAMED, "authorization", "credential", "session", "cookie"),
    ),
    Secret(
        re.compile(
            r"(?i)\b((?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key)\s+)(?=\S{0,100}\d)[^\s,;&\"'<>]{6,400}"
        ),
        r"\1<secret>",
        _NAMED,
    ),
    Secret(
        re.compile(
            r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b|\bgh[opsur]_\w{16,}|\bxox[a-z]-[\w-]{8,}|\bsk-[\w-]{12,}"
        ),
        "<token>",
        ("akia", "asia", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "xox", "sk-"),
    ),
    Secret(re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>", length=36),
    Secret(re.compile(r"\b(?:0x)?[0-9a-fA-F]{16,}\b"), "<hex>", length=16),
    Secret(
        # From the beginning of a run alone: from each of its characters, the work would grow with its square.
        re.compile(
            r"(?<![A-Za-z0-9+/_-])(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{32,}={0,2}"
        ),
        _unless_path,
        length=32,
    ),
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
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _masked(text: str) -> str:
    for secret in SECRETS:
        if secret.possible(text):
            text = secret.pattern.sub(secret.mask, text)
    return text
