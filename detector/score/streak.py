"""Is it sustained? Runs of samples outside the normal range, by instance and by series."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from detector.score.judge import Range

SPIKES_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Sighting:
    """One sample under a second look: `time` by the sender's clock, `now` by the receiver's."""

    slot: int
    instance: int
    time: float
    value: float
    now: float


@dataclass(slots=True)
class Run:
    """What one instance last sent on a series: `count` samples outside in a row, the first at `first`.

    `telling`: how many in a row were telling, the first of them at `telling_first`.
    """

    count: int = 0
    telling: int = 0
    telling_first: float = 0.0
    first: float = 0.0
    last: float = 0.0
    value: float = 0.0
    seen: float = 0.0


@dataclass(slots=True)
class SlotWatch:
    """A series under watch: its instances' runs, its lone spikes, and the level it may have moved to."""

    runs: dict[int, Run] = field(default_factory=dict)
    spikes: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=SPIKES_REMEMBERED))
    gap: float = 0.0
    excused_at: float = -1e18  # receiver's clock when a sample outside was last excused
    excused_value: float = 0.0
    across: int = 0  # moments in a row at which some instance was outside
    across_first: float = 0.0
    across_last: float = 0.0
    level_since: float | None = None
    level_count: int = 0
    level_mean: float = 0.0
    level_square: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether some instance is outside now."""
        return any(run.count for run in self.runs.values())

    @property
    def odd(self) -> bool:
        """Whether what some instance sent last was outside or telling."""
        return any(run.count or run.telling for run in self.runs.values())


@dataclass(frozen=True, slots=True)
class Sustained:
    """A series was outside often enough in a row. `count` in a row since `first` (sender's clock)."""

    count: int
    needed: int
    first: float


class Streaks:
    """Counts samples outside the normal range in a row.

    Sustained is `sustain` in a row of one instance, or one moment more across the instances of a service.
    Where the series had lone spikes of comparable size within `spike_memory_s`, two more are asked for:
    a latency that is used to single outliers must stay up longer to be believed.
    """

    def __init__(self, spike_memory_s: float, max_watched: int, max_instances: int = 64) -> None:
        self._spike_memory_s = spike_memory_s
        self._max_watched = max_watched
        self._max_instances = max_instances
        self._watches: dict[int, SlotWatch] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def watch(self, slot: int) -> SlotWatch | None:
        """The watch on a series, if there is one."""
        return self._watches.get(slot)

    def pin(self, slot: int) -> SlotWatch | None:
        """The watch on a series, begun if need be; None when there are too many."""
        found = self._watches.get(slot)
        if found is None and len(self._watches) < self._max_watched:
            found = self._watches[slot] = SlotWatch()
        return found

    def outside(self, seen: Sighting, sustain: int, normal: Range) -> Sustained | None:
        """Note a sample outside the range; answers when that makes it sustained."""
        watch = self.pin(seen.slot)
        if watch is None:
            return None
        run = self._run(watch, seen)
        if run is None:
            return None
        run.count += 1
        if run.count == 1:
            run.first = seen.time
        self._note_across(watch, seen.time)
        self._note_level(watch, seen.value, seen.now)
        needed = sustain
        size = abs(seen.value - normal.mean)
        if any(seen.now - at < self._spike_memory_s and spike > 0.5 * size for at, spike in watch.spikes):
            needed += 2
        if run.count >= needed:
            return Sustained(run.count, needed, run.first)
        if watch.across > needed:
            return Sustained(watch.across, needed, watch.across_first)
        return None

    def telling(self, seen: Sighting, is_telling: bool) -> int:
        """Note whether the sample just noted as outside or inside was telling; answers how many in a row."""
        watch = self._watches.get(seen.slot)
        run = watch.runs.get(seen.instance) if watch is not None else None
        if run is None:
            return 0
        if run.last != seen.time:
            return run.telling  # late or sent twice
        if is_telling and run.telling == 0:
            run.telling_first = seen.time
        run.telling = run.telling + 1 if is_telling else 0
        return run.telling

    def telling_on(self, slot: int, instances: Collection[int], sustain: int) -> Sustained | None:
        """Answers when all of `instances` have sent `sustain` telling samples in a row."""
        watch = self._watches.get(slot)
        runs = [watch.runs.get(instance) for instance in instances] if watch is not None else []
        known = [run for run in runs if run is not None and run.telling >= sustain]
        if not known or len(known) < len(runs):
            return None
        return Sustained(min(run.telling for run in known), sustain, min(run.telling_first for run in known))

    def excused(self, slot: int, value: float, now: float) -> None:
        """Note a sample outside the range that a start-up excuses: it proves neither health nor fault."""
        watch = self._watches.get(slot)
        if watch is not None:
            watch.excused_at, watch.excused_value = now, value

    def inside(self, seen: Sighting) -> tuple[int, float]:
        """Note a sample inside the range; answers the length of the run it ended and its last value."""
        watch = self._watches.get(seen.slot)
        if watch is None:
            return 0, 0.0
        before = watch.runs.get(seen.instance)
        last_outside = before.value if before is not None else 0.0
        run = self._run(watch, seen)
        if run is None:
            return 0, 0.0
        ended, run.count = run.count, 0
        if ended:
            watch.level_since = None
        return ended, last_outside

    def spiked(self, slot: int, now: float, size: float) -> None:
        """Remember that a run ended before it was sustained; `size`: its distance from the mean."""
        watch = self._watches.get(slot)
        if watch is not None:
            watch.spikes.append((now, size))

    def forget_instance(self, instance: int) -> None:
        """An instance is gone: what it sent last no longer counts."""
        for watch in self._watches.values():
            watch.runs.pop(instance, None)

    def drop(self, slot: int) -> None:
        """Forget the runs of a series that are over, and its level; spikes are kept while remembered."""
        watch = self._watches.get(slot)
        if watch is not None:
            watch.runs = {i: run for i, run in watch.runs.items() if run.count or run.telling}
            watch.across = 0
            watch.level_since = None

    def sweep(self, now: float, stale_s: float) -> list[int]:
        """Forget watches with nothing to remember; answers their slots."""
        gone = []
        for slot, watch in self._watches.items():
            for instance in [i for i, run in watch.runs.items() if now - run.seen > stale_s]:
                del watch.runs[instance]
            while watch.spikes and now - watch.spikes[0][0] > self._spike_memory_s:
                watch.spikes.popleft()
            if not watch.spikes and not watch.odd:
                gone.append(slot)
        for slot in gone:
            del self._watches[slot]
        return gone

    def _run(self, watch: SlotWatch, seen: Sighting) -> Run | None:
        run = watch.runs.get(seen.instance)
        if run is None:
            if len(watch.runs) >= self._max_instances:
                return None
            run = watch.runs[seen.instance] = Run(last=seen.time)
        elif seen.time <= run.last:
            return None  # late or sent twice
        else:
            gap = seen.time - run.last
            watch.gap = gap if watch.gap == 0.0 else min(watch.gap * 1.05, gap)
            run.last = seen.time
        run.value, run.seen = seen.value, seen.now
        return run

    @staticmethod
    def _note_across(watch: SlotWatch, time: float) -> None:
        since = time - watch.across_last
        if watch.across and since < 0.5 * watch.gap:
            return
        if watch.across and watch.gap > 0 and since < 1.6 * watch.gap:
            watch.across += 1
        else:
            watch.across, watch.across_first = 1, time
        watch.across_last = time

    @staticmethod
    def _note_level(watch: SlotWatch, value: float, now: float) -> None:
        if watch.level_since is None:
            watch.level_since, watch.level_count = now, 0
            watch.level_mean = watch.level_square = 0.0
        watch.level_count += 1
        difference = value - watch.level_mean
        watch.level_mean += difference / watch.level_count
        watch.level_square += difference * (value - watch.level_mean)
