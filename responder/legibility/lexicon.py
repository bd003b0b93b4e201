"""Which words there are: English by frequency, and the vocabulary of operations beside it."""

import re
from collections.abc import Collection, Set
from functools import cached_property
from importlib.resources import files

from spellchecker import SpellChecker

_SHORT = 3
_SHORT_IS_COMMON = 3000
_MIDDLE = 6
_NEVER_MET = 50
"""The count the list gives to words of a dictionary that its texts never used."""
_RARE = 3000
"""Below this count a word may be a slip of the usual kinds for one that is met far more often."""
_SELDOM = 150
"""Below this one, a slip of any kind."""
_COMMON = 3000
_FAR_MORE = 30
_BEYOND_DOUBT = 1000
_OF_THE_FIELD = 30_000
"""How often the vocabulary of operations counts as met, whatever the texts of the list are about."""
_OF_THE_FIELD_LEAST = 5
_PREFIXED = 150
_ENDINGS = ("s", "es", "d", "ed", "ing", "r", "er", "ly", "'s")
_BRITISH = re.compile(r"(?<=\w{3})is(e|ed|es|er|ers|ing|ation|ations)$")
_INFLECTED = ("s", "x", "z", "ch", "sh", "y", "e", "ed", "ing", "er")
_PREFIXES = ("un", "re", "pre", "mis", "non", "de", "over", "under", "sub", "multi", "inter", "auto")
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

    @cached_property
    def _camel_names(self) -> frozenset[str]:
        return frozenset(
            word.casefold() for word in self._spelled if not word.islower() and len(word) > _MIDDLE
        )

    def is_near_a_name(self, word: str) -> bool:
        """Whether one letter added, lost, changed or swapped makes a name of the vocabulary with capitals of
        its own ("CrashLoopBackOff")."""
        return not self._camel_names.isdisjoint(self._edits(word))

    def is_prefix(self, word: str) -> bool:
        """Whether `word` may stand before a hyphen: "re-balanced"."""
        return word in _PREFIXES

    def has(self, word: str) -> bool:
        """Whether `word` (lower case) is one."""
        if word in self._vocabulary or self._is_inflected(word) or self._is_british(word):
            return True
        if len(word) < _SHORT:
            return word in _TWO_LETTERS
        count = self._counts.get(word, 0)
        known = self.lists(word) or self._is_prefixed(word)
        return known and (count >= _RARE or not self._is_slip(word, count))

    def _is_inflected(self, word: str) -> bool:
        """ "greylists": a word of the vocabulary with a regular ending."""
        return any(
            word.endswith(end)
            and len(stem := word.removesuffix(end)) >= _OF_THE_FIELD_LEAST
            and not stem.endswith(_INFLECTED)
            and stem in self._vocabulary
            for end in ("s", "ed", "ing", "er", "ers")
        )

    def _is_british(self, word: str) -> bool:
        """ "utilisation": the list has the American spelling alone."""
        american = _BRITISH.sub(r"iz\1", word)
        return american != word and self.lists(american)

    def lists(self, word: str) -> bool:
        """Whether the list of English has `word`, though it may be a slip: names are rare in any text."""
        least = _SHORT_IS_COMMON if len(word) == _SHORT else _NEVER_MET + 1 if len(word) <= _MIDDLE else 1
        return self._counts.get(word, 0) >= least

    def _is_prefixed(self, word: str) -> bool:
        """ "untrusted", "recheck": a prefix that makes words freely, before a word that is met often."""
        return any(
            word.startswith(prefix)
            and len(rest := word.removeprefix(prefix)) > _SHORT + 1
            and not rest.startswith(prefix)
            and (rest in self._vocabulary or self._counts.get(rest, 0) >= _PREFIXED)
            for prefix in _PREFIXES
        )

    def _is_slip(self, word: str, count: int) -> bool:
        """Whether a rare word is far more likely a common one with a letter lost, added or changed."""
        edits = self._edits(word)
        likely = edits if count < _SELDOM else {edit for edit in edits if _is_slip_of(word, edit)}
        if count and any(self._counts.get(edit, 0) > _BEYOND_DOUBT * count for edit in likely):
            return True
        stems = {word.removesuffix(end) for end in _ENDINGS} - {word}
        if any(stem in self._vocabulary or self._counts.get(stem, 0) > count for stem in stems):
            return False
        if count and any(self._counts.get(edit, 0) > max(_COMMON, _FAR_MORE * count) for edit in likely):
            return True
        inflected = {word + end for end in _ENDINGS}
        slips = (edit for edit in edits if _is_slip_of(word, edit) and edit not in inflected)
        return any(self._likelier(edit, count) for edit in slips)

    def _likelier(self, edit: str, count: int) -> bool:
        """Whether a word of the field, or one that is met at all beside one that never is, was meant."""
        if edit in self._vocabulary and len(edit) >= _OF_THE_FIELD_LEAST:
            return count * _FAR_MORE < _OF_THE_FIELD
        return count == 0 and self._counts.get(edit, 0) >= _PREFIXED

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


def _is_slip_of(word: str, meant: str) -> bool:
    """Whether `word`, one edit away, is `meant` with a letter lost, doubled or swapped with its neighbour."""
    if len(word) == len(meant):
        return sorted(word) == sorted(meant)
    if len(word) < len(meant):
        return True
    return any(word[at] == word[at - 1] and word[:at] + word[at + 1 :] == meant for at in range(1, len(word)))
