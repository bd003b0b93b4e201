"""What the gate answers."""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Why a text is not fit to be read."""

    CONTROL_CHARACTER = "control_character"
    ENCODING = "encoding"  # mojibake: text decoded with the wrong encoding, or replacement characters
    LEFTOVER = "leftover"  # escapes, entities, model tokens, unfilled templates
    MIXED_SCRIPTS = "mixed_scripts"
    LOOK_ALIKE = "look_alike"
    FOREIGN_SCRIPT = "foreign_script"
    DOUBLED_LETTERS = "doubled_letters"
    JOINED_WORDS = "joined_words"
    BROKEN_WORD = "broken_word"
    ODD_CASE = "odd_case"
    REPETITION = "repetition"


@dataclass(frozen=True, slots=True)
class Legibility:
    """The gate's answer: `ok`, or the faults found and the words (at most 20) they were found in."""

    ok: bool
    reasons: tuple[Fault, ...] = ()
    words: tuple[str, ...] = ()
