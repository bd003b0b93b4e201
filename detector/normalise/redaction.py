"""Takes secrets and personal data out of log text, and what differs from line to line out of templates."""

import re

_NAMES = (
    "password|passwd|passphrase|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key"
    "|authorization|credential|credentials|cookie|session[_-]?id|signature|client[_-]?secret"
)
_QUOTED = r"\"[^\"]*\"?|'[^']*'?"

_SECRETS = [
    (re.compile(r"-----BEGIN [A-Z ]{1,40}-----.*?(?:-----END [A-Z ]{1,40}-----|$)", re.S), "<secret>"),
    (re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){0,4}"), "<secret>"),
    (re.compile(r"://[^\s/@]{1,200}@"), "://<secret>@"),
    (
        re.compile(
            rf"(?<![\w.-])([\w.-]{{0,40}}?(?:{_NAMES})[\w-]{{0,20}}[\"']?\s{{0,3}}(?:=>|[:=])\s{{0,3}})"
            rf"(?:(?:bearer|basic|digest|token)\s+)?(?:{_QUOTED}|[^\s,;&\"'}}\])]+)",
            re.I,
        ),
        r"\1<secret>",
    ),
    (re.compile(rf"\b({_NAMES})(\s+(?:is|was)\s+)(?:{_QUOTED}|[^\s,;]+)", re.I), r"\1\2<secret>"),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/._~=-]{8,}", re.I), r"\1 <secret>"),
    (
        re.compile(
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[a-z]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
            r"|\bxox[a-z]-[\w-]{10,}|\bsk-[\w-]{16,}|\b[spr]k_(?:live|test)_\w{10,}|\bAIza[\w-]{30,}"
        ),
        "<secret>",
    ),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), "<email>"),
    (re.compile(r"(?<![\w.])(?:\d[ -]?){12,15}\d(?![\w.])"), "<number>"),
]

_VARIABLES = [
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"), "<ip>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.I), "<hex>"),
    (re.compile(r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b", re.I), "<hex>"),
    (re.compile(r"(?<![\w.])(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9_-]{24,}(?![\w.])"), "<token>"),
    (re.compile(r"(?<![A-Za-z_<])[+-]?\d+(?:[.,]\d+)*"), "<num>"),
]


def redacted(text: str) -> str:
    """`text` with passwords, tokens, keys, e-mail addresses and card numbers replaced by what they are.

    By labels (`password=...`, `Authorization: Bearer ...`) and by the shapes of well-known tokens; a
    secret that has neither cannot be told from a word.
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def without_variables(text: str) -> str:
    """`text` with numbers, times, addresses, hexadecimal and other identifiers replaced by their kind."""
    for pattern, instead in _VARIABLES:
        text = pattern.sub(instead, text)
    return text
