"""What happens when the detector judges slower than telemetry comes? Nothing is lost, and nothing swells.

Numbered points (see `aegisops.bench.delivery`) come at a steady rate, most of them through the real
Collector, some straight from eight more senders. After a calm while each point takes longer to judge than it
takes to come, so that the detector must refuse; then it is fast again, until all was delivered. The memory of
both processes is that which is resident; peaks are compared with those of the calm while.
"""

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from aegisops.bench.delivery import built, wait_for
from aegisops.bench.delivery_detector import SLOW
from aegisops.bench.delivery_points import Counted, recorded_so_far
from aegisops.bench.delivery_processes import CollectorProcess, RecordingDetector
from aegisops.bench.delivery_sender import Senders
from aegisops.bench.looking import looking
from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows, Value
from aegisops.collector import Collector

RATE, STRAIGHT_RATE, STRAIGHT_SENDERS = 8_000.0, 2_000.0, 8
SLOW_POINT_S = 0.0005
CALM_S, SLOW_S = 20.0, 30.0
_COLLECTOR_MIB = 512  # as its configuration limits it
_LOOK_S = 0.1
_MIB = 2.0**20


@dataclass(slots=True)
class _Peaks:
    """The most that was seen of each in one part of the run."""

    part: str
    detector: int = 0
    collector: int = 0
    queued: float = 0.0
    on_disk: int = 0

    def row(self) -> tuple[Value, ...]:
        """The part, and the rest in MiB."""
        peaks = (self.detector, self.collector, self.queued, self.on_disk)
        return self.part, *(round(each / _MIB, 1) for each in peaks)


def run(
    say: Say,
    rate: float = RATE,
    calm_s: float = CALM_S,
    slow_s: float = SLOW_S,
    collector: Collector | None = None,
) -> BenchResult:
    """Send, slow down, go on. Raises StackError where no Collector was built."""
    through = int(rate * (calm_s + slow_s))
    points = through + int(STRAIGHT_RATE * (calm_s + slow_s))
    with tempfile.TemporaryDirectory(prefix="aegisops-pressure-") as name, ExitStack() as running:
        directory = Path(name)
        detector = running.enter_context(RecordingDetector(directory))
        between = running.enter_context(CollectorProcess(collector or built(), directory, detector.otlp))
        detector.start()
        between.start()
        senders = Senders(between.otlp, 0, through, rate=rate)
        straight = Senders(detector.otlp, through, points, rate=STRAIGHT_RATE, senders=STRAIGHT_SENDERS)
        watch = _Watch(detector, between)
        with looking(watch.look, _LOOK_S):
            with senders.sending(), straight.sending():
                say(f"calm for {calm_s:g} s")
                time.sleep(calm_s)
                calm = recorded_so_far(directory)
                watch.part("slow")
                (directory / SLOW).write_text(str(SLOW_POINT_S), encoding="ascii")
                say(f"{calm} points judged; slow for {slow_s:g} s")
                time.sleep(slow_s)
                slow = recorded_so_far(directory) - calm
                (directory / SLOW).unlink()
                watch.part("fast again")
                say(f"{slow} points judged; fast again")
            counted = wait_for(directory, points)
        refused, throttled = int(detector.stats()["refused"]), between.log.count("Throttle (")
    return _result(watch.parts, senders, straight, counted, refused=refused, throttled=throttled)


class _Watch:
    """Looks at the memory of both and at the Collector's queue, and keeps the peaks of each part."""

    def __init__(self, detector: RecordingDetector, collector: CollectorProcess) -> None:
        self.parts = [_Peaks("calm")]
        self._detector = detector
        self._collector = collector

    def part(self, name: str) -> None:
        """From now on it is another part."""
        self.parts.append(_Peaks(name))

    def look(self) -> None:
        """Note the peaks of this moment."""
        now = self.parts[-1]
        now.detector = max(now.detector, self._detector.resident_bytes)
        now.collector = max(now.collector, self._collector.resident_bytes)
        now.queued = max(now.queued, self._collector.queued_bytes)
        now.on_disk = max(now.on_disk, self._collector.bytes_on_disk)


def _result(
    parts: list[_Peaks],
    senders: Senders,
    straight: Senders,
    counted: Counted,
    *,
    refused: int,
    throttled: int,
) -> BenchResult:
    calm, *later = parts
    detector, collector = max(one.detector for one in later), max(one.collector for one in later)
    none, some = Goal(Bound.AT_MOST, 0), Goal(Bound.AT_LEAST, 1)
    return BenchResult(
        bench="pressure",
        figures=(
            Figure("sent", senders.sent + straight.sent, about="points that were taken"),
            Figure("sent_to_collector", senders.sent, about="of them"),
            Figure("lost", counted.lost, none, "of all points, in no request that was judged"),
            Figure("duplicated", counted.duplicated, none, "judged twice"),
            Figure("late", counted.late, about="delivered after newer ones of their series"),
            Figure("refused", refused, some, "calls the detector refused for a while"),
            Figure("throttled", throttled, some, "of them the Collector's, which waited as told"),
            Figure("refused_by_collector", sum(senders.refused.values()), about="calls"),
            Figure(
                "detector_memory_ratio",
                detector / calm.detector,
                Goal(Bound.AT_MOST, 1.2),
                "under pressure to calm",
            ),
            Figure("collector_memory_ratio", collector / calm.collector, about="the same"),
            Figure("collector_peak_mib", collector / _MIB, Goal(Bound.AT_MOST, _COLLECTOR_MIB)),
            Figure(
                "queued_peak_mib",
                max(one.queued for one in later) / _MIB,
                some,
                "waited at the Collector, on disk",
            ),
        ),
        tables=(
            Rows(
                "peaks",
                ("part", "detector_mib", "collector_mib", "queued_mib", "on_disk_mib"),
                tuple(one.row() for one in parts),
            ),
        ),
    )
