"""The gate in front of a person: refuses text that is garbled."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Set
from functools import cached_property
from itertools import pairwise

from responder.legibility.characters import character_faults, leftover_faults, script_fault
from responder.legibility.lexicon import Lexicon
from responder.legibility.verdict import Fault, Legibility

_QUOTED = re.compile(r'"[^"\n]{0,400}"|“[^”\n]{0,400}”|`[^`\n]{0,400}`|(?<![\w])\'[^\'\n]{1,400}\'(?![\w])')
_CITATION = re.compile(r"\[[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}\]")
_SENTENCE_ENDS = (".", "!", "?", ":")
_STRIPPED = ".,;:!?()[]{}\"'…*“”‘’—–-™®©"
_IDENTIFIER = re.compile(r"[_=@#$%&+\\<>|~:.{}/]")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PARTS = re.compile(r"[^\W\d_]+")
_RUN_OF_THREE = re.compile(r"([a-z])\1\1", re.IGNORECASE)
_LEET = str.maketrans("013457@$", "oleastas")
_LEET_I = str.maketrans("013457@$!", "oieastasi")
_DIGIT_AS_LETTER = re.compile(r"[A-Za-z][\d@$]+[A-Za-z]|^\d[A-Za-z]{3}")
_SIGN_AS_LETTER = re.compile(r"[A-Za-z][@$][A-Za-z]")
_LAST_DIGIT = re.compile(r"(?=.{4})[A-Za-z]{2,}\d{1,2}")
_SHORT_LAST_DIGIT = re.compile(r"[A-Za-z]{2}\d")
_EVERYWHERE = 100_000
_FAR_MORE = 10
_STUTTER = re.compile(r"([a-z]{3,})\1")
_CONNECTIVES = frozenset(["and", "or", "by", "after", "to", "on", "for", "in", "upon", "of"])
_MAY_DOUBLE = frozenset({"that", "had"})
_LIMIT_CHARS = 20_000
_LIMIT_WORDS = 20
_LONGEST_LOOP = 12
_LENIENT_LEAST = 4
_NEAR_LEAST = 5


class Gate:
    """Decides whether a text is fit to be read. Pure, safe to use from several threads.

    Prose must be made of words that exist. Identifiers (metric names, hosts, paths, ids, versions), numbers
    with units, quoted text and the names handed in with the text are not words, and pass, but for
    look-alike letters, doubled letters and control characters. A gate is made once in a process and handed
    to all who need it: the lexicon it loads for the first text takes about 0.3 s and 30 MB. Gates that are
    given the same lexicon share it.
    """

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self._shared = lexicon

    @cached_property
    def _lexicon(self) -> Lexicon:
        return self._shared or Lexicon()

    def check(self, text: str, known_words: Iterable[str] = ()) -> Legibility:
        """Whether `text` is legible; `known_words` are the names of the incident it speaks of."""
        text = unicodedata.normalize("NFC", text[:_LIMIT_CHARS])
        names = _names(known_words)
        found = list(character_faults(text))
        prose = _CITATION.sub(" ", _QUOTED.sub(" … ", text))
        found += leftover_faults(prose)
        found += self._word_faults(prose, names)
        found += _doubled_words(prose)
        found += _loops(prose, 2)
        found += _loops(text, 3)
        reasons = tuple(dict.fromkeys(fault for fault, _ in found))
        words = tuple(dict.fromkeys(word for _, word in found))[:_LIMIT_WORDS]
        return Legibility(not found, reasons, words)

    def _word_faults(self, prose: str, names: Set[str]) -> Iterator[tuple[Fault, str]]:
        begins = True
        for token in re.split(r"[\s—–]+", prose):
            word = token.strip(_STRIPPED).replace("’", "'")
            if word and not _named(word, names) and (fault := self._fault(word, names, begins)):
                yield fault, word
            if token:
                begins = token.endswith(_SENTENCE_ENDS)

    def _fault(self, word: str, names: Set[str], begins: bool) -> Fault | None:
        bare = word.removesuffix("'s").removesuffix("'")
        if _named(bare, names) or self._lexicon.spelled(bare):
            return None
        fault = None if word.isascii() else self._script(word)
        return fault or self._fault_by_kind(bare, names, begins)

    def _fault_by_kind(self, bare: str, names: Set[str], begins: bool) -> Fault | None:
        if any(char.isdigit() for char in bare):
            return self._with_digits(bare, names)
        if _SIGN_AS_LETTER.search(bare) and (fault := self._with_digits(bare, names)):
            return fault
        if _IDENTIFIER.search(bare) or "," in bare:
            return self._identifier(bare, names)
        if "-" in bare:
            parts = bare.split("-")
            if any(first == second != "" for first, second in pairwise(parts)):
                return Fault.REPETITION
            if self._lexicon.is_prefix(parts[0].casefold()):
                parts = parts[1:]
            return next((f for part in parts if (f := self._part(part, names, begins))), None)
        return self._part(bare, names, begins)

    def _script(self, word: str) -> Fault | None:
        if self._lexicon.has(word.lower()):
            return None
        return next((fault for part in _PARTS.findall(word) if (fault := script_fault(part))), None)

    def _part(self, word: str, names: Set[str], begins: bool) -> Fault | None:
        """One word of prose, without hyphens."""
        lower = word.casefold()
        if len(word) == 1 or not _PARTS.search(word) or lower in names or self._lexicon.spelled(word):
            return None
        plain = word.islower() or word.isupper() or word.istitle() or "'" in word
        if self._lexicon.has(lower):
            return None if plain else Fault.ODD_CASE
        if word.islower() or (begins and word.istitle()):
            return self._why(lower, names)
        if not plain:
            return self._camel(word, names)
        if word.istitle() and self._lexicon.lists(lower):
            return None
        return self._lenient(word, names) or (
            Fault.BROKEN_WORD if len(lower) >= _NEAR_LEAST and self._lexicon.is_near(lower) else None
        )

    def _camel(self, word: str, names: Set[str]) -> Fault | None:
        """A word with capitals inside that nobody told us of."""
        if _STUTTER.search(word.casefold()):
            return Fault.DOUBLED_LETTERS
        if self._lexicon.is_near_a_name(word.casefold()):
            return Fault.BROKEN_WORD
        return next((f for part in _CAMEL.findall(word) if (f := self._lenient(part, names))), None)

    def _identifier(self, word: str, names: Set[str]) -> Fault | None:
        parts = _PARTS.findall(word)
        if re.fullmatch(r"[^\W\d_]+[.,:;][^\W\d_]+", word) and self._run_on(word, parts):
            return Fault.JOINED_WORDS
        if re.fullmatch(r"[^\W\d_]+(?:/[^\W\d_]+)+", word):
            return next((f for part in parts if (f := self._part(part, names, False))), None)
        humps = [hump for part in parts for hump in _CAMEL.findall(part)]
        return next((f for hump in humps if (f := self._lenient(hump, names))), None)

    def _run_on(self, word: str, parts: list[str]) -> bool:
        """Two words of prose with a mark and no space between them."""
        first, second = parts[0], parts[-1]
        if not (self._lexicon.has(first.casefold()) and self._lexicon.has(second.casefold())):
            return False
        return word[len(first)] not in ".:" or (second.istitle() and first.islower())

    def _with_digits(self, word: str, names: Set[str]) -> Fault | None:
        """A letter replaced by a digit; else numbers, units and identifiers pass."""
        for part in re.split(r"[-_./:=,]", word):
            if self._ends_in_digit_for_letter(part):
                return Fault.LOOK_ALIKE
            letters = sum(char.isalpha() for char in part)
            if len(part) >= _LENIENT_LEAST and letters > 1 and _DIGIT_AS_LETTER.search(part):
                for table in (_LEET, _LEET_I):
                    guess = part.casefold().translate(table)
                    if guess.isalpha() and (guess in names or self._lexicon.has(guess)):
                        return Fault.LOOK_ALIKE
            if part.isalpha() and (fault := self._lenient(part, names)):
                return fault
        return None

    def _ends_in_digit_for_letter(self, part: str) -> bool:
        """ "matche5", "error5": but "worker3" is a name. Names with a 5 must be among those handed in."""
        word, stem = part.casefold().translate(_LEET), part.rstrip("0123456789").casefold()
        if _SHORT_LAST_DIGIT.fullmatch(part):
            return self._lexicon.count(word) > _EVERYWHERE
        if not _LAST_DIGIT.fullmatch(part) or not self._lexicon.has(word):
            return False
        return part[-1] == "5" or self._lexicon.count(word) > _FAR_MORE * self._lexicon.count(stem)

    def _lenient(self, word: str, names: Set[str]) -> Fault | None:
        """A name nobody told us of: refused only where it looks like a word that was broken."""
        lower = word.casefold()
        if _RUN_OF_THREE.search(lower) or (_STUTTER.search(lower) and not self._lexicon.has(lower)):
            return Fault.DOUBLED_LETTERS
        if len(lower) < _LENIENT_LEAST or lower in names or self._lexicon.has(lower):
            return None
        if self._lexicon.is_doubled(lower, names):
            return Fault.DOUBLED_LETTERS
        near = len(lower) >= _NEAR_LEAST and self._lexicon.is_near_one_of(lower, names)
        return Fault.BROKEN_WORD if near else None

    def _why(self, word: str, names: Set[str]) -> Fault:
        """What is wrong with a word that does not exist."""
        if _RUN_OF_THREE.search(word) or self._lexicon.is_doubled(word, names):
            return Fault.DOUBLED_LETTERS
        return Fault.JOINED_WORDS if self._lexicon.is_joined(word) else Fault.BROKEN_WORD


def _names(known_words: Iterable[str]) -> frozenset[str]:
    """Names as a whole and in their parts, in lower case."""
    known = list(known_words)
    whole = [word.casefold() for word in known]
    pieces = [piece for word in whole for piece in re.split(r"[\s,;]+", word)]
    parts = [part for word in whole for part in _PARTS.findall(word)]
    return frozenset((*known, *whole, *pieces, *parts)) - {""}


def _named(word: str, names: Set[str]) -> bool:
    """Whether `word` is a name in any case; one that is not plain ASCII must be just as it was handed in."""
    return (word.casefold() if word.isascii() else word) in names


def _doubled_words(prose: str) -> Iterator[tuple[Fault, str]]:
    """A word twice at once, which only few may be."""
    raw = prose.split()
    tokens = [token.strip(_STRIPPED).casefold().removesuffix("'s") for token in raw]
    for at, (first, second) in enumerate(pairwise(tokens)):
        ended = raw[at].endswith(_SENTENCE_ENDS)
        if first == second and first.isalpha() and first not in _MAY_DOUBLE and not ended:
            yield Fault.REPETITION, f"{first} {second}"


def _loops(text: str, times: int) -> Iterator[tuple[Fault, str]]:
    """The first phrase of two to twelve words that comes so many times in a row."""
    tokens = [token.strip(_STRIPPED).casefold() for token in text.split()]
    for length in range(2, _LONGEST_LOOP + 1):
        for at in range(len(tokens) - times * length + 1):
            phrase = tokens[at : at + length]
            if length == 2 and times == 2 and phrase[1] in _CONNECTIVES:  # "again and again and"
                continue
            if phrase * times == tokens[at : at + times * length] and any(word.isalpha() for word in phrase):
                yield Fault.REPETITION, " ".join(phrase)
                return
