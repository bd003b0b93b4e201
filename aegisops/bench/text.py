"""Does the gate refuse garbled text, and only that? Measured on sentences it was not built on."""

from collections import Counter
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows
from responder.legibility import Gate


class Garbled(BaseModel):
    """A sentence no person should have to read, and how it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    how: str
    text: str


class Sentences(BaseModel):
    """One part of the corpus; `names` are what the incidents spoken of would hand in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...]
    clean: tuple[str, ...] = Field(min_length=1)
    garbled: tuple[Garbled, ...] = Field(min_length=1)


def load(part: str) -> Sentences:
    """The part `build`, `known` or `held_out` of the corpus."""
    text = files("aegisops.bench").joinpath("data", f"text_{part}.yaml").read_text(encoding="utf-8")
    return Sentences.model_validate(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506 - both are safe loaders


def run(say: Say) -> BenchResult:
    """Feeds the held-out part to the gate, and beside it the one that was held out before."""
    part, known = load("held_out"), load("known")
    say(f"{len(part.garbled)} garbled and {len(part.clean)} clean sentences the gate was not built on")
    gate = Gate()
    made = Counter(sentence.how for sentence in part.garbled)
    caught = _caught(gate, part)
    refused = Counter(sentence.how for sentence in caught)
    return BenchResult(
        "text",
        (
            Figure(
                "garbled_refused",
                len(caught) / len(part.garbled),
                Goal(Bound.AT_LEAST, 1.0),
                "share of garbled sentences refused",
            ),
            Figure(
                "clean_refused",
                _wronged(gate, part) / len(part.clean),
                Goal(Bound.AT_MOST, 0.01),
                "share of clean sentences refused",
            ),
            Figure("garbled", len(part.garbled)),
            Figure("clean", len(part.clean)),
            Figure(
                "known_garbled_refused",
                len(_caught(gate, known)) / len(known.garbled),
                about=f"of {len(known.garbled)} that were held out before",
            ),
            Figure(
                "known_clean_refused",
                _wronged(gate, known) / len(known.clean),
                about=f"of {len(known.clean)} that were held out before",
            ),
        ),
        (
            Rows(
                "by_method",
                ("method", "sentences", "refused"),
                tuple((how, count, refused[how]) for how, count in sorted(made.items())),
            ),
        ),
    )


def _caught(gate: Gate, part: Sentences) -> list[Garbled]:
    return [sentence for sentence in part.garbled if not gate.check(sentence.text, part.names).ok]


def _wronged(gate: Gate, part: Sentences) -> int:
    return sum(not gate.check(sentence, part.names).ok for sentence in part.clean)
