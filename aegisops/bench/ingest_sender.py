"""Sends metrics to an OTLP endpoint as fast as it takes them: `python -m aegisops.bench.ingest_sender`.

Arguments: ADDRESS SERIES SECONDS ROUNDS. Sends at least ROUNDS rounds (a point of every series each), and
until SECONDS have passed; what the first round took is not measured, as every series is new in it. Prints a
`Sent` as a JSON object.
"""

import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from itertools import count

import grpc
import numpy as np

from aegisops.bench.ingest_load import POINTS_EACH, Load

_EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_AT_ONCE = 4
_CALL_S = 60.0
_FOR_A_WHILE = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """`points` taken in `seconds`; how long a call took, at the median and the 99th percentile.

    `refused`: calls that were for a while, those of the first round too, and sent again.
    """

    points: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int


class Sender:
    """Keeps `_AT_ONCE` calls under way, and sends again what is refused for a while. `seconds`: of each."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.seconds: list[float] = []
        self.refused = 0
        self._call = channel.unary_unary(_EXPORT)
        self._under_way: deque[tuple[bytes, grpc.Future]] = deque()

    def send(self, body: bytes) -> None:
        """Returns once it is under way. Raises grpc.RpcError for one before that was refused for good."""
        if len(self._under_way) >= _AT_ONCE:
            self._finish_one()
        began = time.perf_counter()
        future = self._call.future(body, timeout=_CALL_S)
        future.add_done_callback(lambda _: self.seconds.append(time.perf_counter() - began))
        self._under_way.append((body, future))

    def finish(self) -> None:
        """Waits for all. Raises grpc.RpcError for one that was refused for good."""
        while self._under_way:
            self._finish_one()

    def _finish_one(self) -> None:
        body, future = self._under_way.popleft()
        try:
            future.result()
        except grpc.RpcError as refused:
            if refused.code() not in _FOR_A_WHILE:
                raise
            self.refused += 1
            time.sleep(_AGAIN_S)
            self.send(body)


def measure(address: str, series: int, seconds: float, rounds: int) -> Sent:
    """What the head of this module says."""
    load = Load(series)
    with grpc.insecure_channel(address) as channel:
        sender = Sender(channel)
        for body in load.round():
            sender.send(body)
        sender.finish()
        sender.seconds.clear()
        began, points = time.perf_counter(), 0
        for number in count():
            if number >= rounds and time.perf_counter() - began >= seconds:
                break
            for body in load.round():
                sender.send(body)
                points += POINTS_EACH
        sender.finish()
        took = time.perf_counter() - began
    median, late = np.percentile(np.array(sender.seconds) * 1e3, [50.0, 99.0]).tolist()
    return Sent(points, took, median, late, sender.refused)


if __name__ == "__main__":
    _, address, series, seconds, rounds = sys.argv
    sent = measure(address, int(series), float(seconds), int(rounds))
    print(json.dumps(asdict(sent)))  # noqa: T201 - its answer
