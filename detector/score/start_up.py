"""Which samples come from a process that is starting up."""

import numpy as np

from detector.score.bank import Bools, Floats, grown
from detector.series import Samples


class StartUps:
    """The start-ups of instances: `lasts_s` each, by the sender's clock or the receiver's.

    The one that says first that it is over is believed.

    What waited for the receiver arrives at once: by the receiver's clock, all of it would be of a start-up. A
    sender's clock that is set back would make a start-up endless.
    """

    def __init__(self, lasts_s: float) -> None:
        self._lasts_s = lasts_s
        self._until: Floats = np.zeros(0)  # receiver's clock
        self._first: Floats = np.zeros(0)  # sender's clock; infinite until something was sent
        self._least: Floats = np.zeros(0)  # sender's clock

    def grow(self, instances: int) -> None:
        """Make room for instance slots below `instances`."""
        self._until = grown(self._until, instances)
        self._first = grown(self._first, instances)
        self._least = grown(self._least, instances)

    def begin(self, instance: int, now: float, started_at: float | None) -> None:
        """A process is first heard at `now` (receiver's clock). `started_at`: by its own clock."""
        self.grow(instance + 1)
        self._until[instance] = now + self._lasts_s
        self._first[instance] = np.inf
        self._least[instance] = -np.inf if started_at is None else started_at

    def until(self, instance: int) -> float:
        """When the start-up of `instance` is over at the latest (receiver's clock)."""
        return float(self._until[instance])

    def within(self, samples: Samples, now: float) -> Bools:
        """[n]: whether the sample is of an instance that was starting up when it sent it."""
        instances, times = samples.instances, samples.times
        starting: Bools = self._until[instances] > now
        if not starting.any():
            return starting
        unheard = starting & np.isinf(self._first[instances])
        np.minimum.at(self._first, instances[unheard], times[unheard])
        began = np.maximum(self._first[instances], self._least[instances])
        within: Bools = starting & (times < began + self._lasts_s)
        return within
