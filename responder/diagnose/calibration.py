"""From how far the evidence speaks for a cause to how often such a diagnosis is right.

Belief ranks causes and is what bars and limits are held to; it is no probability. The map from one to the
other (`calibration.yaml`) was fitted on made-up faults by `python -m aegisops.bench.calibration_fit`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from detector import IncidentType
from responder.diagnose.cause import Cause
from responder.diagnose.reading import Reading

Knots = tuple[tuple[float, float], ...]

_CLEAR = 0.5
_SUFFERING = ("error_ratio", "server_latency", "silence", "restarts")


class Standing(StrEnum):
    """What else the evidence shows, beside the cause that is diagnosed."""

    CONTESTED = "contested"  # a signal near a cause of another type is clear as well
    FELT = "felt"  # users of the service suffer
    UNFELT = "unfelt"  # they do not, or not yet


def standing(reading: Reading, diagnosed: IncidentType, causes: Sequence[Cause]) -> Standing:
    """How a diagnosis of that type stands to the rest of the evidence. `causes`: all that are known."""
    near: dict[IncidentType, set[str]] = {}
    for cause in causes:
        if cause.type is not IncidentType.UNKNOWN and not cause.logs_needed:
            near.setdefault(cause.type, set()).update(cause.signals)
    own = near.get(diagnosed, set())
    others = {signal for signals in near.values() for signal in signals} - own
    if diagnosed is not IncidentType.UNKNOWN and any(reading.strength(one) >= _CLEAR for one in others):
        return Standing.CONTESTED
    suffers = any(reading.strength(signal) >= _CLEAR for signal in _SUFFERING)
    return Standing.FELT if suffers else Standing.UNFELT


class Calibration(BaseModel):
    """For each standing the share that was right (0 to 1) by belief, straight between the knots."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    examples: int = Field(ge=0)
    right_by_belief: Mapping[Standing, Knots]

    @field_validator("right_by_belief")
    @classmethod
    def _rises(cls, maps: Mapping[Standing, Knots]) -> Mapping[Standing, Knots]:
        if missing := set(Standing) - set(maps):
            raise ValueError(f"no knots for {', '.join(sorted(missing))}")
        for name, knots in maps.items():
            inside = all(0 <= value <= 1 for knot in knots for value in knot)
            if not knots or not inside:
                raise ValueError(f"{name}: pairs of a belief and a share are wanted, each from 0 to 1")
            if any(after[0] <= before[0] or after[1] < before[1] for before, after in pairwise(knots)):
                raise ValueError(f"{name}: beliefs must rise, and shares must not fall")
        return maps

    @classmethod
    def load(cls) -> "Calibration":
        """The map shipped with the responder."""
        text = files("responder.diagnose").joinpath("calibration.yaml").read_text(encoding="utf-8")
        return cls.model_validate(yaml.safe_load(text))

    @classmethod
    def none(cls) -> "Calibration":
        """The map that leaves a belief what it is."""
        return cls(seed=0, examples=0, right_by_belief=dict.fromkeys(Standing, ((0.0, 0.0), (1.0, 1.0))))

    def share_right(self, belief: float, stands: Standing) -> float:
        """How often a diagnosis believed so far was right; beyond the outer knots as at them."""
        beliefs, shares = zip(*self.right_by_belief[stands], strict=True)
        return float(np.interp(belief, beliefs, shares))
