"""From the strengths of an incident's signals and the words of its logs to beliefs in incident types."""

import re
from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from detector.classify.meaning import Signal
from detector.incident import IncidentType, TypeCandidate

SURE_ENOUGH = 0.4
"""Belief below which no type is claimed and the incident is `UNKNOWN`."""


class Signature(BaseModel):
    """What one incident type looks like; the fields are explained at the head of `signatures.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    primary: dict[Signal, float]
    supporting: dict[Signal, float] = {}
    explained_by: dict[Signal, float] = {}
    words: tuple[str, ...] = ()
    words_weight: float = 0.0

    def belief(self, strengths: Mapping[Signal, float], log_lines: Sequence[str]) -> float:
        """Belief, 0 to 1, that this type explains the given signal strengths (0 to 1) and log lines."""
        doubt = 1.0
        for signal, weight in self.primary.items():
            doubt *= 1.0 - weight * strengths.get(signal, 0.0)
        if any(re.search(word, line, re.IGNORECASE) for word in self.words for line in log_lines):
            doubt *= 1.0 - self.words_weight
        belief = 1.0 - doubt
        for signal, weight in self.supporting.items():
            belief += (1.0 - belief) * weight * strengths.get(signal, 0.0) * belief
        for signal, weight in self.explained_by.items():
            belief *= 1.0 - weight * strengths.get(signal, 0.0)
        return belief


class Signatures:
    """The signatures of `signatures.yaml`."""

    def __init__(self, by_type: Mapping[IncidentType, Signature]) -> None:
        self._by_type = dict(by_type)

    @classmethod
    def load(cls) -> "Signatures":
        """The signatures shipped with the detector."""
        text = files("detector.classify").joinpath("signatures.yaml").read_text(encoding="utf-8")
        return cls(TypeAdapter(dict[IncidentType, Signature]).validate_python(yaml.safe_load(text)))

    def could_explain(self, kind: IncidentType, signals: Collection[Signal]) -> bool:
        """Whether one of `signals`, if it were there as well, would speak for another type than `kind`."""
        own = self._by_type.get(kind)
        if own is not None:
            return any(signal in own.explained_by for signal in signals)
        return any(signal in other.primary for other in self._by_type.values() for signal in signals)

    def candidates(
        self, strengths: Mapping[Signal, float], log_lines: Sequence[str]
    ) -> tuple[TypeCandidate, ...]:
        """Types with their confidence, likeliest first; never empty (`UNKNOWN` where none convinces).

        A type's confidence is its belief, lowered by the share of belief that speaks for others.
        """
        beliefs = {kind: s.belief(strengths, log_lines) for kind, s in self._by_type.items()}
        total = sum(beliefs.values())
        ranked = sorted(
            (
                TypeCandidate(kind, belief * (0.5 + 0.5 * belief / total))
                for kind, belief in beliefs.items()
                if belief >= 0.1
            ),
            key=lambda candidate: -candidate.confidence,
        )
        if ranked and ranked[0].confidence >= SURE_ENOUGH:
            return tuple(ranked)
        doubt = 1.0 - (ranked[0].confidence if ranked else 0.0)
        return (TypeCandidate(IncidentType.UNKNOWN, 0.8 * doubt), *ranked)
