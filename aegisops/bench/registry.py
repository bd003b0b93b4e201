"""Which benches there are. Each is one module with a function `run(say)`, loaded when it is asked for."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from aegisops.bench.result import BenchResult

Say = Callable[[str], None]
"""Takes one line about the progress."""

BENCHES = {
    "text": "Does the gate refuse garbled text, and only that?",
    "injection": "Can text inside an incident change what is done about it?",
    "calibration": "Is a diagnosis right as often as it says?",
    "crash": "Is anything lost or done twice when the responder is killed?",
    "storm": "Does a storm of alerts stay bounded, and is nothing of it lost?",
    "pipeline": "How fast are queued incidents worked off, and what does durability cost?",
    "learning": "Do first actions help more often for what was learned?",
    "delivery": "Is a data point lost when the detector is killed under load?",
    "hostile": "Does hostile telemetry break the detector, or cost an honest sender anything?",
    "ingest": "How many data points a second does the detector take in, and what does a series cost?",
    "pressure": "What happens when the detector judges slower than telemetry comes?",
}


SHARED_CRASH = "crash_shared"
"""What `crash` is with several responders."""


def run_bench(name: str, say: Say, **options: str | int | None) -> BenchResult:
    """The result of the bench `name`, with what its `run` takes besides. Raises KeyError where there is none
    of that name."""
    if name not in (*BENCHES, SHARED_CRASH):
        raise KeyError(name)
    run = cast(Callable[..., BenchResult], import_module(f"aegisops.bench.{name}").run)
    return run(say, **options)
