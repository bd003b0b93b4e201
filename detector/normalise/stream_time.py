"""Where a point stands in its stream: next, a duplicate, late, after a reset, from an older copy.

A stream is one metric with one attribute set from one instance, as in the OpenTelemetry data model
("Temporality", "Resets and gaps", "Overlap"). All times are seconds by the sender's clock.
"""

from dataclasses import dataclass
from enum import Enum, auto

_START_TOLERANCE_S = 1e-3
_PATIENCE = 3
_ASSUMED_INTERVAL_S = 1.0
_YOUNG_S = 60.0
_MAX_GAP_S = 86_400.0


class Step(Enum):
    """What a point is to its stream."""

    IGNORED = auto()  # a duplicate, late, or of an older copy of the process: nothing to learn
    ANEW = auto()  # the sender's clock was set, or an older copy took over: start over from here
    RESET = auto()  # the count began anew at the point's start time
    NEXT = auto()


@dataclass(slots=True)
class StreamTime:
    """Time of the last point taken. `seconds` is the time the last NEXT or RESET point stands for.

    - Same time as the last point: a duplicate, ignored.
    - Earlier, or begun earlier (an older copy of the process that shares its identity): ignored, unless
      three such points come in a row with no good one between; then the stream starts anew from there.
    - More than a day later: no rate can be told, the stream starts anew from there.
    - Begun later than the last one's start: a reset. It stands for the time since its start, but for no
      less than the stream's usual interval, so that a young start time does not make a giant of its rate.
    """

    start: float
    time: float
    interval: float = 0.0
    seconds: float = 0.0
    refused: int = 0

    def place(self, start: float, time: float, min_gap: float = 0.0) -> Step:
        """Take the next point's times. `start` is 0 when not known or, for deltas, of no meaning.

        A point less than `min_gap` after the last one is ignored (of a cumulative stream nothing is lost:
        the next one holds it as well).
        """
        if 0.0 <= time - self.time <= min_gap:
            return Step.IGNORED
        older_copy = 0.0 < start < self.start - _START_TOLERANCE_S
        if time < self.time or older_copy:
            self.refused += 1
            if self.refused < _PATIENCE:
                return Step.IGNORED
            self.start, self.time, self.refused = start, time, 0
            return Step.ANEW
        self.refused = 0
        gap = time - self.time
        if gap > _MAX_GAP_S:
            self.start, self.time = start, time
            return Step.ANEW
        if self.start > 0.0 and start > self.start + _START_TOLERANCE_S:
            usual = self.interval or _ASSUMED_INTERVAL_S
            self.seconds = max(time - max(self.time, start), min(gap, usual))
            self.start, self.time = start, time
            return Step.RESET
        self.seconds = self.interval = gap
        self.start, self.time = start, time
        return Step.NEXT


def first_seconds(
    start: float, time: float, previous_export: float | None, instance_start: float | None
) -> float | None:
    """The time that the first point ever seen of a cumulative stream stands for; None: it must not count.

    It counts in full when all of it is known to be new: the instance has exported before
    (`previous_export`) without this stream, and the stream began no earlier than the instance; or the
    instance itself is new and began within the last minute. Otherwise (no start time, or a long history
    that was not watched) it only sets the mark to count from.
    """
    if not 0.0 < start <= time:
        return None
    if previous_export is not None and previous_export < time:
        of_this_process = instance_start is None or start >= instance_start - _START_TOLERANCE_S
        return time - previous_export if of_this_process else None
    return max(time - start, _ASSUMED_INTERVAL_S) if time - start <= _YOUNG_S else None
