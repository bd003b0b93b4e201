"""How long and how often verification looks, and what it comes to."""

import math
from dataclasses import dataclass, fields

from detector import SeriesHealth
from responder.incident_record import VerificationOutcome


@dataclass(frozen=True, slots=True)
class VerifyConfig:
    """Times of verification, in seconds. Raises ValueError for a time that makes no sense.

    `timeout_s`: how long to wait for recovery. `stable_s`: how long all must be normal without a break.
    `poll_s`: between two looks. `give_up_s`: after so long with fresh samples that are as bad as before
    the action, it plainly did not help and the time-out is not waited for. `fresh_s`: a sample older than
    this says nothing about now (services that export more rarely are always given the full time).
    """

    timeout_s: float = 60.0
    stable_s: float = 10.0
    poll_s: float = 0.5
    give_up_s: float = 12.0
    fresh_s: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name} is {value}; it must be a positive number of seconds")
        if self.stable_s > self.timeout_s:
            raise ValueError(
                f"stable_s is {self.stable_s}, more than timeout_s ({self.timeout_s}): nothing could recover"
            )


@dataclass(frozen=True, slots=True)
class Verification:
    """What telemetry said after an action; `series` as last seen, `detail` in one or two sentences."""

    outcome: VerificationOutcome
    detail: str
    series: tuple[SeriesHealth, ...]
