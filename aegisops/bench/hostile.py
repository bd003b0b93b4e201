"""Does hostile telemetry break the detector, cost an honest sender anything, or use up memory?

Mutated, random, nested, packed and oversized requests come by gRPC and by HTTP to a real detector process,
on the connections of honest senders, whose numbered points (see `aegisops.bench.delivery`) come in between.
First comes a calm while: honest points alone, and an honest request of 1 MiB on each connection at the
same time. The peak of memory in the hostile while is compared with that of the calm one.
"""

import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from aegisops.bench.delivery_points import POINTS_EACH, Points, count
from aegisops.bench.delivery_processes import RecordingDetector
from aegisops.bench.hostile_requests import HostileRequests
from aegisops.bench.hostile_senders import Answers, GrpcTransport, HostileSender, HttpTransport
from aegisops.bench.looking import looking
from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows

INPUTS = 100_000
SENDERS = 6  # half of them by gRPC, half by HTTP
HONEST_EVERY, CALM_REQUESTS = 100, 20
_LARGE_BYTES = 2**20
_LOOK_S = 0.05
_TRACEBACK = "Traceback (most recent call last)"


def run(say: Say, inputs: int = INPUTS, *, seed: int = 1, large_bytes: int = _LARGE_BYTES) -> BenchResult:
    """Send `inputs` hostile requests, drawn from `seed`."""
    began = time.monotonic()
    each = -(-inputs // SENDERS)
    honest = (CALM_REQUESTS + each // HONEST_EVERY) * POINTS_EACH
    with tempfile.TemporaryDirectory(prefix="aegisops-hostile-") as name:
        directory = Path(name)
        with RecordingDetector(directory) as detector, ThreadPoolExecutor(SENDERS) as pool:
            detector.start()
            transports = [
                HttpTransport(detector.otlp_http) if number % 2 else GrpcTransport(detector.otlp)
                for number in range(SENDERS)
            ]
            senders = [
                HostileSender(
                    transport,
                    HostileRequests(seed * SENDERS + number),
                    Points(f"bench-{number}", number * honest, (number + 1) * honest),
                    by_http=bool(number % 2),
                    every=HONEST_EVERY,
                )
                for number, transport in enumerate(transports)
            ]
            large = _large(large_bytes)
            memory = _Memory(detector)
            with looking(memory.look, _LOOK_S):
                say("honest ones alone")
                list(pool.map(lambda sender: sender.send_honest(CALM_REQUESTS, large), senders))
                memory.part = "hostile"
                say(f"{inputs} hostile ones with honest ones in between")
                list(pool.map(lambda sender: sender.send(each), senders))
            for transport in transports:
                transport.close()
            failures = int(detector.stats()["failures"])
            tracebacks = detector.log.count(_TRACEBACK)
            if tracebacks:
                say(_TRACEBACK + detector.log.split(_TRACEBACK)[1])
            lost = count(directory, honest * SENDERS).lost
    answers = [sender.answers for sender in senders]
    return _result(answers, lost, memory, tracebacks=tracebacks, failures=failures, began=began)


class _Memory:
    """The most resident memory of the detector that was seen, by part of the run."""

    def __init__(self, detector: RecordingDetector) -> None:
        self.part = "calm"
        self.peaks: Counter[str] = Counter()
        self._detector = detector

    def look(self) -> None:
        """Note the memory of this moment."""
        part = self.part
        self.peaks[part] = max(self.peaks[part], self._detector.resident_bytes)


def _large(size: int) -> bytes:
    """An honest request of about so many bytes: a series with many points."""
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add()
    of_resource.resource.attributes.add(key="service.name").value.string_value = "bench-large"
    gauge = of_resource.scope_metrics.add().metrics.add(name="bench.large", unit="1").gauge
    now = time.time_ns()
    first = gauge.data_points.add(time_unix_nano=now, as_double=1.0)
    for number in range(6):
        first.attributes.add(key=f"key.{number}").value.string_value = f"value-{number}"
    for number in range(1, size // (first.ByteSize() + 3)):
        first.time_unix_nano = now + number
        gauge.data_points.append(first)
    return request.SerializeToString()


def _result(
    answers: list[Answers], lost: int, memory: _Memory, *, tracebacks: int, failures: int, began: float
) -> BenchResult:
    by_kind: Counter[tuple[str, str]] = Counter()
    for each in answers:
        by_kind += each.by_kind
    none = Goal(Bound.AT_MOST, 0)
    answered_wrongly = sum(each.uncaught for each in answers)
    calm, hostile = memory.peaks["calm"], memory.peaks["hostile"]
    return BenchResult(
        bench="hostile",
        figures=(
            Figure("inputs", by_kind.total(), about="hostile requests"),
            Figure(
                "uncaught",
                answered_wrongly + tracebacks,
                none,
                "answers INTERNAL, UNKNOWN, 500 or none at all, and logged tracebacks",
            ),
            Figure("honest_lost", lost, none, "of the honest points, in no request that was judged"),
            Figure("peak_memory_ratio", hostile / calm, Goal(Bound.AT_MOST, 1.2), "hostile to calm"),
            Figure("honest", sum(each.taken for each in answers), about="points that were taken"),
            Figure("again", sum(each.again for each in answers), about="honest requests refused for a while"),
            Figure("tracebacks", tracebacks, about="logged"),
            Figure("failures", failures, about="judgements that failed"),
            Figure("calm_peak_mib", calm / 2**20),
            Figure("hostile_peak_mib", hostile / 2**20),
            Figure("seconds", time.monotonic() - began),
        ),
        tables=(
            Rows(
                "answers",
                ("kind", "answer", "count"),
                tuple((kind, code, number) for (kind, code), number in sorted(by_kind.items())),
            ),
        ),
    )
