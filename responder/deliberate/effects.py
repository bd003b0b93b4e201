"""What each action does, read from `effects.yaml`, and how much of an incident's evidence it can mend."""

from collections.abc import Mapping
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from detector import IncidentType, Severity
from responder.diagnose.reading import ALERT_SIGNAL, Fact, LogKind, Reading
from responder.incident_record import ActionKind

_CONTEXT = ("request_rate", ALERT_SIGNAL)
_UNNAMED_TYPE_WEIGHT = 0.05


class Effect(BaseModel):
    """One action of `effects.yaml`; the fields are explained at its head."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    risk: float = Field(ge=0, le=1)
    interrupts: bool
    deletes: bool = False
    frees: tuple[str, ...] = ()
    restores: dict[str, float]
    when: dict[Fact | LogKind, dict[str, float]] = {}


class Effects(BaseModel):
    """All of `effects.yaml`. Every action and every severity must be there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    actions: dict[ActionKind, Effect]
    near_the_cause: dict[str, IncidentType]
    tolerated_risk: dict[Severity, float]

    @classmethod
    def load(cls) -> "Effects":
        """The effects shipped with the responder."""
        text = files("responder.deliberate").joinpath("effects.yaml").read_text(encoding="utf-8")
        return cls.model_validate(yaml.safe_load(text))

    def restores(self, action: ActionKind, reading: Reading) -> Mapping[str, float]:
        """How likely `action` mends each signal, under the circumstances the evidence shows."""
        effect = self.actions[action]
        shown: set[Fact | LogKind] = set(reading.facts)
        shown.update(kind for kind in LogKind if reading.logs(kind))
        chances = dict(effect.restores)
        for circumstance, changed in effect.when.items():
            if circumstance in shown:
                chances.update(changed)
        return chances

    def fit(self, action: ActionKind, reading: Reading) -> float:
        """The share of the evidence (0 to 1) that `action` can be expected to bring back to normal.

        A mean of `restores` over the signals near the cause, each weighted by its strength and by what
        the detector gives the type it speaks for; over the symptoms where no such signal is there.
        """
        chances = self.restores(action, reading)
        weights = self.weights(reading)
        total = sum(weights.values())
        return sum(w * chances.get(signal, 0.0) for signal, w in weights.items()) / total if total else 0.0

    def weights(self, reading: Reading) -> dict[str, float]:
        """The signals a remedy is measured by in this incident, with their weights."""
        near = {
            signal: reading.strength(signal) * (_UNNAMED_TYPE_WEIGHT + reading.belief(kind))
            for signal, kind in self.near_the_cause.items()
            if reading.strength(signal) > 0
        }
        if near:
            return near
        claimed = [s for s, kind in self.near_the_cause.items() if kind is reading.incident.type]
        if claimed and reading.alerted:
            return {claimed[0]: reading.alerted}
        present = {e.signal for e in reading.evidence} - set(_CONTEXT)
        return {signal: s for signal in sorted(present) if (s := reading.strength(signal)) > 0}
