"""Usage over its limit: pairs of metrics put together by the naming conventions of `shares.yaml`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from detector.normalise.attributes import SeriesAttributes

UNLIMITED = 2.0**60
"""Limits from here on mean that there is none (cgroups say so by a number near 2**63)."""

MAX_AGE_S = 300.0


@dataclass(slots=True)
class Level:
    """The newest value of one stream of a level metric; `time` by the sender's clock."""

    value: float
    time: float


Levels = dict[tuple[str, SeriesAttributes], Level]
"""The levels of one instance, by metric and attributes."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    usage: re.Pattern[str]
    limit: tuple[str, ...]
    used: frozenset[str] = frozenset()
    whole: frozenset[str] | Literal["all"] = frozenset()


@dataclass(frozen=True, slots=True)
class ShareRule:
    """A rule read for one usage metric: its limits' names, the states that are used, and that make all."""

    limits: tuple[str, ...]
    used: frozenset[str]
    whole: frozenset[str] | Literal["all"]


class ShareRules:
    """The rules of `shares.yaml`."""

    def __init__(self, rules: Sequence[_Rule]) -> None:
        self._rules = rules
        self.of_usage = lru_cache(maxsize=10_000)(self._of_usage)

    @classmethod
    def load(cls) -> "ShareRules":
        """The rules shipped with the detector."""
        text = files("detector.normalise").joinpath("shares.yaml").read_text(encoding="utf-8")
        return cls(TypeAdapter(list[_Rule]).validate_python(yaml.safe_load(text)))

    def _of_usage(self, metric: str) -> ShareRule | None:
        """The rule for a usage metric; None when nothing is known to limit it."""
        for rule in self._rules:
            match = rule.usage.fullmatch(metric)
            if match:
                names = tuple(limit.format(**match.groupdict()) for limit in rule.limit)
                return ShareRule(names, rule.used, rule.whole)
        return None


@dataclass(slots=True)
class Share:
    """What is used of one limited thing of one instance, by the newest points of its metrics.

    `states` are the levels of the usage metric by its attribute "state" ("" where it has none).
    """

    metric: str
    attributes: SeriesAttributes
    rule: ShareRule
    states: dict[str, Level] = field(default_factory=dict)

    def value(self, levels: Levels) -> float | None:
        """Used over limit, within 0 and 1; None when either is not known, too old, or there is no limit."""
        newest = max(level.time for level in self.states.values())
        states = {
            state: level.value for state, level in self.states.items() if newest - level.time <= MAX_AGE_S
        }
        known = [value for state, value in states.items() if not state or state in self.rule.used]
        limit = self._limit(levels, newest)
        if limit is None:
            limit = self._whole(states)
        if not known or limit is None or not 0.0 < limit < UNLIMITED:
            return None
        return min(max(sum(known) / limit, 0.0), 1.0)

    def _limit(self, levels: Levels, newest: float) -> float | None:
        for name in self.rule.limits:
            level = levels.get((name, self.attributes))
            if level is not None and newest - level.time <= MAX_AGE_S:
                return level.value
        return None

    def _whole(self, states: dict[str, float]) -> float | None:
        whole = self.rule.whole
        parts = [value for state, value in states.items() if state and (whole == "all" or state in whole)]
        return sum(parts) if len(parts) > 1 else None


def without_state(attributes: SeriesAttributes) -> tuple[SeriesAttributes, str]:
    """The attributes without "state" (or "*.state"), and its value, "" where there is none."""
    for pair in attributes:
        if pair[0] == "state" or pair[0].endswith(".state"):
            return tuple(other for other in attributes if other != pair), pair[1]
    return attributes, ""
