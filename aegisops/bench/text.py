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
    """The part `build` or `held_out` of the corpus."""
    text = files("aegisops.bench").joinpath("data", f"text_{part}.yaml").read_text(encoding="utf-8")
    return Sentences.model_validate(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506 - both are safe loaders


def run(say: Say) -> BenchResult:
    """Feeds the held-out part to the gate."""
    part = load("held_out")
    say(f"{len(part.garbled)} garbled and {len(part.clean)} clean sentences the gate was not built on")
    gate = Gate()
    made = Counter(sentence.how for sentence in part.garbled)
    refused = Counter(s.how for s in part.garbled if not gate.check(s.text, part.names).ok)
    wrongly = [s for s in part.clean if not gate.check(s, part.names).ok]
    return BenchResult(
        "text",
        (
            Figure(
                "garbled_refused",
                refused.total() / made.total(),
                Goal(Bound.AT_LEAST, 1.0),
                "share of garbled sentences refused",
            ),
            Figure(
                "clean_refused",
                len(wrongly) / len(part.clean),
                Goal(Bound.AT_MOST, 0.01),
                "share of clean sentences refused",
            ),
            Figure("garbled", made.total()),
            Figure("clean", len(part.clean)),
        ),
        (
            Rows(
                "by_method",
                ("method", "sentences", "refused"),
                tuple((how, count, refused[how]) for how, count in sorted(made.items())),
            ),
        ),
    )
