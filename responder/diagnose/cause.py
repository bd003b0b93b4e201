"""Causes and their remedies, read from `causes.yaml`, and how far an incident's evidence speaks for each."""

import math
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from detector import IncidentType
from responder.diagnose.reading import Fact, LogKind, Reading
from responder.incident_record import ActionKind

_LOG_SUPPORT = 0.3


class Remedy(BaseModel):
    """What helps against a cause; `fit` is the share of such incidents (0 to 1) it is expected to end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: ActionKind
    fit: float = Field(ge=0, le=1)
    because: str


class Cause(BaseModel):
    """One entry of `causes.yaml`; the fields are explained at its head."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    type: IncidentType
    signals: tuple[str, ...] = Field(min_length=1)
    requires: frozenset[Fact] = frozenset()
    excludes: frozenset[Fact] = frozenset()
    logs: LogKind | None = None
    logs_needed: bool = False
    certainty: float = Field(default=1.0, ge=0, le=1)
    says: str
    unknown: str
    remedies: tuple[Remedy, ...] = Field(min_length=1)

    def belief(self, reading: Reading) -> float:
        """How far the evidence speaks for this cause, 0 to 1; 0 where a condition does not hold.

        The geometric mean of what the detector gives the type and of the strength of the measured
        signals: both must speak. Matching log lines raise the second, and alone give nothing.
        """
        if not self.requires <= reading.facts or self.excludes & reading.facts:
            return 0.0
        strength = max(reading.strength(signal) for signal in self.signals)
        if self.type is not IncidentType.UNKNOWN and not self.logs_needed:
            strength = max(strength, reading.alerted)
        said = self.logs is not None and bool(reading.logs(self.logs))
        if strength <= 0.0 or (self.logs_needed and not said):
            return 0.0
        if said:
            strength = 1.0 - (1.0 - strength) * (1.0 - _LOG_SUPPORT)
        return self.certainty * math.sqrt(reading.belief(self.type) * strength)


def load_causes() -> tuple[Cause, ...]:
    """The causes shipped with the responder, in the order of the file."""
    text = files("responder.diagnose").joinpath("causes.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Cause, ...]).validate_python(yaml.safe_load(text))
