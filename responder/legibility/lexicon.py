"""Which words there are: English by frequency, and the vocabulary of operations beside it."""

from collections.abc import Collection, Set
from functools import cached_property
from importlib.resources import files

from spellchecker import SpellChecker

_SHORT = 3
_SHORT_IS_COMMON = 3000
_MIDDLE = 6
_NEVER_MET = 50
"""The count the list gives to words of a dictionary that its texts never used."""
_RARE = 150
_COMMON = 3000
_FAR_MORE = 30
_ENDINGS = ("s", "es", "d", "ed", "ing", "r", "er", "ly", "'s")
_PREFIXES = ("un", "re", "pre", "mis", "non")
_TWO_LETTERS = frozenset(
    [
        *(
            "a",
            "i",
            "ad",
            "ah",
            "am",
            "an",
            "as",
            "at",
            "be",
            "by",
            "do",
            "eg",
            "ex",
            "go",
            "he",
            "hi",
            "id",
            "ie",
        ),
        *(
            "if",
            "in",
            "io",
            "ip",
            "is",
            "it",
            "me",
            "my",
            "no",
            "of",
            "oh",
            "ok",
            "on",
            "or",
            "os",
            "pm",
            "so",
            "to",
        ),
        *("up", "us", "vs", "we"),
    ]
)
_SPLIT_LEAST = 2


class Lexicon:
    """English words (the frequency list of `pyspellchecker`) and `vocabulary.txt`.

    Words of up to six letters count only where they were met, those of three where they are common and
    shorter ones by a list, because broken words hide there.
    """

    def __init__(self) -> None:
        checker = SpellChecker(language="en")
        self._counts: dict[str, int] = checker.word_frequency.dictionary
        self._edits = checker.edit_distance_1
        text = files("responder.legibility").joinpath("vocabulary.txt").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        self._spelled = frozenset(word for line in lines for word in line.split())

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        return frozenset(word.casefold() for word in self._spelled)

    def spelled(self, word: str) -> bool:
        """True where the vocabulary has `word` in just these capitals."""
        return word in self._spelled

    def has(self, word: str) -> bool:
        """Whether `word` (lower case) is one."""
        if word in self._vocabulary:
            return True
        if len(word) < _SHORT:
            return word in _TWO_LETTERS
        least = _SHORT_IS_COMMON if len(word) == _SHORT else _NEVER_MET + 1 if len(word) <= _MIDDLE else 1
        count = self._counts.get(word, 0)
        if count >= least:
            return count >= _RARE or not self._is_slip(word, count)
        return self._is_prefixed(word)

    def _is_prefixed(self, word: str) -> bool:
        """ "untrusted", "recheck": a prefix that makes words freely, before a word that is met often."""
        return any(
            word.startswith(prefix)
            and len(rest := word.removeprefix(prefix)) > _SHORT + 1
            and not rest.startswith(prefix)
            and (rest in self._vocabulary or self._counts.get(rest, 0) >= _RARE)
            for prefix in _PREFIXES
        )

    def _is_slip(self, word: str, count: int) -> bool:
        """Whether a rare word is far more likely a common one with a letter lost, added or changed."""
        stems = {word.removesuffix(end) for end in _ENDINGS} - {word}
        if any(stem in self._vocabulary or self._counts.get(stem, 0) > count for stem in stems):
            return False
        return any(self._counts.get(edit, 0) > max(_COMMON, _FAR_MORE * count) for edit in self._edits(word))

    def count(self, word: str) -> int:
        """How often `word` was met in the texts of the frequency list; 0 where it is no word."""
        return self._counts.get(word, 0) if self.has(word) else 0

    def is_joined(self, word: str) -> bool:
        """Whether `word` is two words without the space between them."""
        return any(
            self.has(word[:at]) and self.has(word[at:])
            for at in range(_SPLIT_LEAST, len(word) - _SPLIT_LEAST + 1)
        )

    def is_doubled(self, word: str, names: Collection[str] = ()) -> bool:
        """Whether taking one letter of a doubled (or longer) run away makes a word or one of `names`."""
        for at in range(1, len(word)):
            if word[at] == word[at - 1]:
                short = word[:at] + word[at + 1 :]
                if short in names or self.has(short) or self.is_doubled(short, names):
                    return True
        return False

    def is_near(self, word: str) -> bool:
        """Whether one letter added, lost, changed or swapped makes a word."""
        return any(self.has(edit) for edit in self._edits(word) if len(edit) > _SHORT)

    def is_near_one_of(self, word: str, names: Set[str]) -> bool:
        """Whether one letter added, lost, changed or swapped makes one of `names`."""
        return bool(names) and not names.isdisjoint(self._edits(word))
