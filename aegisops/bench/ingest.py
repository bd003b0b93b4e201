"""How many data points a second does the detector take in, and what does a series cost?

One process sends metrics over gRPC on the loopback interface as fast as they are taken, another takes them;
where there are two cores or more, each has one of its own. The detector acknowledges what it has judged, so
what it takes is scored. In the same run, with the same requests: a receiver that parses and drops (the
ceiling of Python), the Collector where it is there, and in one process decoding and scoring alone, and what
one would write first, one river HalfSpaceTrees for each series.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from aegisops.bench.ingest_models import decoded_per_second, forests_per_second, scored_per_second
from aegisops.bench.ingest_receivers import BenchedCollector, BenchedDetector, NoopReceiver, Receiver
from aegisops.bench.ingest_sender import Sent
from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows
from aegisops.settings import load_settings

SERIES = (1_000, 100_000, 1_000_000)
SECONDS = 10.0
_ROUNDS = 1
_SENDER_TIMEOUT_S = 900.0
_BYTES_PER_SERIES = 2 * 2**30 / 1_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What one receiver took, and how many calls it refused for a while."""

    points_per_second: float
    export_p50_ms: float
    export_p99_ms: float
    refused: int
    bytes_per_series: float


def run(say: Say, series: Sequence[int] = SERIES, seconds: float = SECONDS) -> BenchResult:
    """Each number of `series` for at least `seconds` and at least a round of all of them after the first."""
    with tempfile.TemporaryDirectory(prefix="aegisops-ingest-") as name:
        directory = Path(name)
        noop = _taken(NoopReceiver(directory), series[0], seconds, say)
        by_series = {
            number: _taken(BenchedDetector(directory, number), number, seconds, say) for number in series
        }
        built = load_settings().collector
        collector = (
            _taken(BenchedCollector(built, directory), series[0], seconds, say) if built is not None else None
        )
    say("decoding, scoring and forests, each by itself")
    parts = {
        "decoded": decoded_per_second(series[0], seconds),
        "scored": scored_per_second(series[0], seconds),
        "one HalfSpaceTrees a series": forests_per_second(seconds),
    }
    return _result(noop, by_series, collector, parts)


def _taken(receiver: Receiver, series: int, seconds: float, say: Say) -> Taken:
    say(f"{receiver.name}: {series} series")
    with receiver:
        receiver.start()
        before = receiver.resident_bytes
        sent = _send(receiver, series, seconds)
        grown = max(0, receiver.resident_bytes - before)
    return Taken(sent.points / sent.seconds, sent.p50_ms, sent.p99_ms, sent.refused, grown / series)


def _send(receiver: Receiver, series: int, seconds: float) -> Sent:
    arguments = [receiver.otlp, str(series), str(seconds), str(_ROUNDS)]
    command = [sys.executable, "-m", "aegisops.bench.ingest_sender", *arguments]
    sender = subprocess.Popen(command, stdout=subprocess.PIPE)
    _pin(receiver.pid, 0)
    _pin(sender.pid, 1)
    try:
        out, _ = sender.communicate(timeout=_SENDER_TIMEOUT_S)
    finally:
        sender.kill()
    if sender.returncode != 0:
        raise RuntimeError(f"the sender failed; {receiver.name} said: {receiver.log}")
    return Sent(**json.loads(out))


def _pin(pid: int, core: int) -> None:
    """To a core of its own, where there are two or more and the system can."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) >= 2:
        with suppress(psutil.NoSuchProcess):
            for thread in psutil.Process(pid).threads():
                os.sched_setaffinity(thread.id, {cores[core]})


def _result(
    noop: Taken, by_series: dict[int, Taken], collector: Taken | None, parts: dict[str, float]
) -> BenchResult:
    first, last = min(by_series), max(by_series)
    fewest, most = by_series[first], by_series[last]
    forests = parts["one HalfSpaceTrees a series"]
    rate = fewest.points_per_second
    figures = (
        Figure("points_per_second", rate, about=f"judged, of {first} series, from call to acknowledgement"),
        Figure(
            "ratio_to_noop",
            rate / noop.points_per_second,
            Goal(Bound.AT_LEAST, 1.0),
            "against a receiver that parses and drops",
        ),
        Figure(
            "ratio_to_hst", rate / forests, Goal(Bound.AT_LEAST, 20.0), "against a forest for each series"
        ),
        Figure(
            "bytes_per_series",
            most.bytes_per_series,
            Goal(Bound.AT_MOST, _BYTES_PER_SERIES),
            f"resident memory, of {last} series",
        ),
        Figure("export_p99_ms", fewest.export_p99_ms, about="of a call of 1,000 points, four under way"),
        Figure(
            "cost_ratio",
            rate / most.points_per_second,
            Goal(Bound.AT_MOST, 1.5),
            f"of a point among {last} series, against {first}",
        ),
    )
    others = [("parses and drops", noop), *([("Collector", collector)] if collector is not None else [])]
    return BenchResult(
        bench="ingest",
        figures=figures,
        tables=(
            Rows(
                "by_series",
                ("series", "points_per_second", "ratio_to_noop", "ratio_to_hst", *_COLUMNS),
                tuple(
                    (
                        number,
                        round(taken.points_per_second),
                        round(taken.points_per_second / noop.points_per_second, 3),
                        round(taken.points_per_second / forests, 1),
                        *_row(taken),
                    )
                    for number, taken in by_series.items()
                ),
            ),
            Rows(
                "beside_it",
                ("receiver", "points_per_second", *_COLUMNS),
                tuple((name, round(taken.points_per_second), *_row(taken)) for name, taken in others),
            ),
            Rows(
                "parts",
                ("part", "points_per_second"),
                tuple((name, round(each)) for name, each in parts.items()),
            ),
        ),
    )


_COLUMNS = ("bytes_per_series", "export_p50_ms", "export_p99_ms", "refused")


def _row(taken: Taken) -> tuple[int, float, float, int]:
    times = round(taken.export_p50_ms, 1), round(taken.export_p99_ms, 1)
    return round(taken.bytes_per_series), *times, taken.refused
