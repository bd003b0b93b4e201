"""Sends points to an OTLP endpoint, and each until it was taken."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import grpc

from aegisops.bench.delivery_points import POINTS_EACH, Points

_EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_CALL_S = 10.0
_AGAIN_S = 0.2
_FOR_GOOD = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL)


class Senders:
    """Threads that send the points numbered from `first` up to `end` to `address` at `rate` points a second.

    A sender is a service of its own with one call at a time; what is refused it sends again. `sent` counts
    the points that were taken, `refused` the calls that were not, by their code.
    """

    def __init__(self, address: str, first: int, end: int, *, rate: float, senders: int = 4) -> None:
        self.sent = 0
        self.refused: dict[str, int] = {}
        self._address = address
        self._pause_s = POINTS_EACH * senders / rate
        bounds = [first + (end - first) * number // senders for number in range(senders + 1)]
        self._shares = [Points(f"bench-{start}", start, stop) for start, stop in pairwise(bounds)]
        self._counting = threading.Lock()
        self._stopping = threading.Event()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Sends meanwhile, and leaves only when all was taken; when the block fails, at once.

        Raises grpc.RpcError for a refusal that is for good.
        """
        with ThreadPoolExecutor(len(self._shares)) as pool, grpc.insecure_channel(self._address) as channel:
            call = channel.unary_unary(_EXPORT)
            running = [pool.submit(self._send, call, points) for points in self._shares]
            try:
                yield
            except BaseException:
                self._stopping.set()
                raise
            for each in running:
                each.result()

    def _send(self, call: grpc.UnaryUnaryMultiCallable, points: Points) -> None:
        due = time.monotonic()
        for number, body in points.requests():
            self._stopping.wait(max(0.0, due - time.monotonic()))
            due += self._pause_s
            if self._stopping.is_set():
                return
            self._until_taken(call, number, body)

    def _until_taken(self, call: grpc.UnaryUnaryMultiCallable, number: int, body: bytes) -> None:
        while not self._stopping.is_set():
            try:
                call(body, timeout=_CALL_S)
            except grpc.RpcError as refused:
                code = refused.code()
                if code in _FOR_GOOD:
                    raise
                with self._counting:
                    self.refused[code.name] = self.refused.get(code.name, 0) + 1
                self._stopping.wait(_AGAIN_S)
            else:
                with self._counting:
                    self.sent += number
                return
