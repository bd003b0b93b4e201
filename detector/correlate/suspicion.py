"""What is odd with a service at this moment, but not for long enough yet to be called an anomaly."""

from dataclasses import dataclass

from detector.classify.meaning import Signal

PART = 0.5
"""How loud a suspicion speaks for or against a type, as a share of what it would say once sustained."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A series that is out of its range by its latest sample (`heard_at`, receiver's clock), not sustained.

    It opens nothing and is no evidence. It only makes the belief in types wait for the next sample.
    `voice`, 0 to 1: how loud it would speak for a type if it were sustained.
    """

    signal: Signal
    voice: float
    heard_at: float
