"""Is a data point lost when the detector is killed under load? Points are counted at both ends.

A million points, each with a number of its own, are sent to the real Collector, which passes them on to a
real detector; that is killed (kill -9) three times and started again at once. `sent` are the points that the
Collector took. A detector that was killed can be asked nothing, and one that acknowledged before it had
judged would lose what waits in it: so it acknowledges only what it has judged, and the bench's own
(`aegisops.bench.delivery_detector`) writes down the numbers of the points between these two steps. `lost` are
those that never were; `duplicated` those that were again, as their detector died before it could acknowledge
them. What is counted is thus what was judged, not what was acknowledged.

With `collector_kills` the Collector is killed as well; its senders send again what it did not acknowledge.
"""

import tempfile
import time
from pathlib import Path

from aegisops.bench.delivery_points import Counted, count, recorded_so_far
from aegisops.bench.delivery_processes import CollectorProcess, RecordingDetector
from aegisops.bench.delivery_sender import Senders
from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal
from aegisops.collector import Collector
from aegisops.errors import StackError
from aegisops.settings import load_settings

POINTS = 1_000_000
KILLS = 3
RATE = 20_000.0
_NO_PROGRESS_S = 60.0
_LOOK_S = 0.02


def run(
    say: Say,
    points: int = POINTS,
    kills: int = KILLS,
    *,
    collector_kills: int = 0,
    collector: Collector | None = None,
) -> BenchResult:
    """Send `points`; kill the detector, and the Collector, that often meanwhile. Raises StackError where no
    Collector was built."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aegisops-delivery-") as name:
        directory = Path(name)
        with (
            RecordingDetector(directory) as detector,
            CollectorProcess(collector or built(), directory, detector.otlp) as through,
        ):
            detector.start()
            through.start()
            senders = Senders(through.otlp, 0, points, rate=RATE)
            outages = _Outages(directory, say)
            with senders.sending():
                outages.kill(detector, points, kills, collector=through, collector_kills=collector_kills)
            say(f"{senders.sent} points sent")
            counted = wait_for(directory, points)
    return _result(senders, counted, outages, time.monotonic() - began)


def built() -> Collector:
    """The Collector that the local stack would use. Raises StackError where there is none."""
    collector = load_settings().collector
    if collector is None:
        raise StackError("this bench needs the Collector: build it with `make collector`, in a checkout")
    return collector


def wait_for(directory: Path, points: int) -> Counted:
    """What was delivered, once it is all or nothing more comes."""
    seen, since = -1, time.monotonic()
    while (counted := count(directory, points)).lost and time.monotonic() - since < _NO_PROGRESS_S:
        now = recorded_so_far(directory)
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.5)
    return counted


class _Outages:
    """Kills, spread over the delivery. `seconds`: how long nobody listened, by kill."""

    def __init__(self, directory: Path, say: Say) -> None:
        self.seconds: list[float] = []
        self.collector_seconds: list[float] = []
        self._directory = directory
        self._say = say

    def kill(
        self,
        detector: RecordingDetector,
        points: int,
        kills: int,
        *,
        collector: CollectorProcess,
        collector_kills: int,
    ) -> None:
        """Each kill comes when its share of the points was delivered, so that it falls into the delivery."""
        planned = [((n + 1) / (kills + 1), False) for n in range(kills)]
        planned += [((n + 0.5) / collector_kills, True) for n in range(collector_kills)]
        for share, is_collector in sorted(planned):
            self._wait_until_delivered(int(share * points))
            who, seconds = (collector, self.collector_seconds) if is_collector else (detector, self.seconds)
            since = time.monotonic()
            who.kill()
            who.start()
            seconds.append(time.monotonic() - since)
            name = "Collector" if is_collector else "detector"
            self._say(f"{name} killed at {share:.0%}, back after {seconds[-1]:.1f} s")

    def _wait_until_delivered(self, points: int) -> None:
        seen, since = -1, time.monotonic()
        while (now := recorded_so_far(self._directory)) < points:
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > _NO_PROGRESS_S:
                raise RuntimeError(f"nothing is delivered any more after {now} points")
            time.sleep(_LOOK_S)


def _result(senders: Senders, counted: Counted, outages: _Outages, seconds: float) -> BenchResult:
    none = Goal(Bound.AT_MOST, 0)
    return BenchResult(
        bench="delivery",
        figures=(
            Figure("sent", senders.sent, about="points the Collector took"),
            Figure("lost", counted.lost, none, "of all points, in no request that was judged"),
            Figure("duplicated", counted.duplicated, about="in a further one, as it was not acknowledged"),
            Figure("late", counted.late, about="delivered after newer ones of their series"),
            Figure("kills", len(outages.seconds), about="kill -9 of the detector"),
            Figure("outage_s", sum(outages.seconds), about="in which there was none"),
            Figure("collector_kills", len(outages.collector_seconds), about="kill -9 of the Collector"),
            Figure("collector_outage_s", sum(outages.collector_seconds)),
            Figure("refused", sum(senders.refused.values()), about="calls the senders had to repeat"),
            Figure("seconds", seconds, about="until all was delivered"),
        ),
    )
