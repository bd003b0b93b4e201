"""Which attributes a series keeps: unbounded ones and those of mere parts are taken off, sets are counted."""

import re
from dataclasses import dataclass
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict

from detector.normalise.decode import Spelling
from detector.normalise.untrusted_text import clean
from detector.series import ServiceId

SeriesAttributes = tuple[tuple[str, str], ...]

OVERFLOW: SeriesAttributes = (("otel.metric.overflow", "true"),)
"""Stands for all attribute sets past the limit, named as OpenTelemetry SDKs name it."""

MAX_KEY = 64
MAX_VALUE = 128


class _Summed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics: re.Pattern[str]
    names: frozenset[str]
    values: frozenset[str]


class _Dropped(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    names: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    summed: tuple[_Summed, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """The attributes a series has. `folded`: other points may come to the same attributes."""

    attributes: SeriesAttributes
    folded: bool


class AttributeLimits:
    """Gives points the attributes of their series, within bounds.

    Per metric of a service at most `max_sets` attribute sets; further ones fall together in OVERFLOW.
    Per service at most `max_metrics` metrics; points of further ones are refused. `overflowed` and
    `refused` count the attribute sets and metrics that met a bound (each again when it is asked again).
    """

    def __init__(self, max_sets: int, max_metrics: int) -> None:
        text = files("detector.normalise").joinpath("attributes.yaml").read_text(encoding="utf-8")
        dropped = _Dropped.model_validate(yaml.safe_load(text))
        self.overflowed = 0
        self.refused = 0
        self._names = dropped.names
        self._patterns = dropped.patterns
        self._summed = dropped.summed
        self._max_sets = max_sets
        self._max_metrics = max_metrics
        self._sets: dict[ServiceId, dict[str, set[SeriesAttributes]]] = {}

    def kept(self, service: ServiceId, metric: str, spelled: Spelling) -> Kept | None:
        """The attributes of the series that a point of `metric` belongs to; None when it is refused."""
        summed = next((rule for rule in self._summed if rule.metrics.fullmatch(metric)), None)
        bounded = [
            (name, value)
            for name, value in spelled
            if not self._unbounded(name)
            and not (summed is not None and name in summed.names and value in summed.values)
        ]
        pairs = {clean(key, MAX_KEY): clean(value, MAX_VALUE) for key, value in bounded}
        attributes = tuple(sorted(pairs.items()))
        metrics = self._sets.setdefault(service, {})
        sets = metrics.get(metric)
        if sets is None:
            if len(metrics) >= self._max_metrics:
                self.refused += 1
                return None
            sets = metrics[metric] = set()
        if attributes not in sets:
            if len(sets) >= self._max_sets:
                self.overflowed += 1
                return Kept(OVERFLOW, True)
            sets.add(attributes)
        return Kept(attributes, folded=pairs != dict(spelled) or len(pairs) != len(spelled))

    def _unbounded(self, name: str) -> bool:
        return name in self._names or any(pattern.search(name) for pattern in self._patterns)
