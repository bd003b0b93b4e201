"""Faults that show in the characters alone, whatever words they make."""

import re
import unicodedata
from collections.abc import Iterator

from confusable_homoglyphs import categories, confusables

from responder.legibility.verdict import Fault

_ALLOWED_CONTROLS = "\n\r\t"
_SYMBOLS = frozenset("µμσλΔδπΩαβ") | {"µs", "μs"}
"""What stands alone as the sign of a quantity or a unit."""

_MOJIBAKE = re.compile(
    r"\ufffd|Ã[\u0080-\u00bf\u0160-\u0192\u2010-\u2122]|Ã\s|Â[\u00a0-\u00bf]|â[€\u0080-\u009f„†‡]|ï»¿|ðŸ|Ð[\u0080-\u00bf]|Ñ[\u0080-\u00bf]"
)
_LEFTOVER = re.compile(
    "|".join(
        [
            r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[nrt](?!\w)|(?<=[a-z.])\\n(?=[A-Za-z])",  # escapes
            r"&(?:[a-z]{2,6}|#\d{1,6}|#x[0-9a-f]{1,5});",  # entities
            r"</?(?:think|div|span|p|br|b|i|s|html|body|script)\b[^>]{0,80}>",  # tags
            r"<\|[^|>]{1,40}\|?>|\[/?INST\]|[Ġ▁Ċ]|(?<!\w)##[a-z]|[a-z]##",  # tokens of a model
            r"\{\{?\s*[A-Za-z_][\w. ]{0,40}\s*\}?\}|\$\{[^}]{0,40}\}|(?<![\w%])%[sd](?!\w)",  # templates
            r"\[\d{1,3}(?:;\d{1,3})*m|\[object Object\]",
            r"%[0-9A-F]{2}%[0-9A-F]{2}|=[0-9A-F]{2}=[0-9A-F]{2}",
        ]
    )
)
_MARK_RUN = re.compile(r"([^\w\s.\-=*#_|~+<>/])\1{2,}|[,;]{2,}|\.{4,}|[?!,;:]{4,}|[{}\[\]]{3,}")


def character_faults(text: str) -> Iterator[tuple[Fault, str]]:
    """The faults of a text's characters (in normal form C), each with what shows it."""
    for char in text:
        category = unicodedata.category(char)
        if category in ("Cc", "Cf", "Co", "Cn", "Cs") and char not in _ALLOWED_CONTROLS:
            yield Fault.CONTROL_CHARACTER, f"U+{ord(char):04X}"
        elif category == "Mn" or (category == "So" and _stands_for_letter(char)):
            yield Fault.LOOK_ALIKE, f"U+{ord(char):04X}"
    if found := _MOJIBAKE.search(text):
        yield Fault.ENCODING, found.group()


def _stands_for_letter(symbol: str) -> bool:
    """Circled and squared letters; signs of their own, as that of a trade mark, stand for more than one."""
    plain = unicodedata.normalize("NFKC", symbol)
    return len(plain) == 1 and plain.isalpha()


def leftover_faults(prose: str) -> Iterator[tuple[Fault, str]]:
    """What a machine left in prose: escapes, entities, tags, tokens of a model, runs of marks."""
    for found in _LEFTOVER.finditer(prose):
        yield Fault.LEFTOVER, found.group()
    for found in _MARK_RUN.finditer(prose):
        yield Fault.REPETITION, found.group()


def script_fault(word: str) -> Fault | None:
    """Whether the letters of `word` are of the Latin script alone (Unicode Technical Standard 39)."""
    letters = "".join(char for char in word if char.isalpha())
    if letters.isascii() or letters in _SYMBOLS:
        return None
    if unicodedata.normalize("NFKC", letters) != letters:
        return Fault.LOOK_ALIKE
    scripts = categories.unique_aliases(letters) - {"COMMON", "INHERITED"}
    if len(scripts) > 1:
        return Fault.MIXED_SCRIPTS
    if scripts == {"LATIN"}:
        return Fault.LOOK_ALIKE
    alike = confusables.is_confusable(letters, greedy=True, preferred_aliases=["latin"])
    return Fault.LOOK_ALIKE if alike and len(alike) == len(set(letters)) else Fault.FOREIGN_SCRIPT
