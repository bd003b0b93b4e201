"""The bars and limits the council holds a proposal to."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class CouncilLimits:
    """What the members hold proposals to. Raises ValueError for a limit that makes no sense.

    `window_s`: seconds over which actions on one target are counted. `max_same_action` and `max_actions`:
    how many of one kind, and of any, are let through in that time, whatever for. `max_repeats`: how often
    one action may have been needed in that time against the same fault. `cool_down_s`: seconds an action must
    be over before the same one may follow on the same target. `min_confidence` and `min_fit`: the least
    confidence of a proposal, and the least share of the evidence the action must be able to mend (0 to 1).
    `poor_record`: success rate below which a remedy known by at least `min_record` outcomes is refused.
    `max_healthy_share`: how much of a service that serves its users well an interrupting action may touch.
    """

    window_s: float = 300.0
    max_same_action: int = 5
    max_repeats: int = 3
    max_actions: int = 10
    cool_down_s: float = 10.0
    min_confidence: float = 0.4
    min_fit: float = 0.5
    min_record: float = 3.0
    poor_record: float = 0.34
    max_healthy_share: float = 0.75

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value >= 0:
                raise ValueError(f"{field.name} is {value}; it must be zero or more")
        for name in ("min_confidence", "min_fit", "poor_record", "max_healthy_share"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is a share and must be at most 1")
