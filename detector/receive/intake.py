"""The bounded hand-over between the gRPC threads and the one worker thread."""

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ExportRequest = ExportMetricsServiceRequest | ExportLogsServiceRequest | ExportTraceServiceRequest


class Signal(StrEnum):
    """The three signals of OTLP that are received."""

    METRICS = "metrics"
    LOGS = "logs"
    TRACES = "traces"


@dataclass(frozen=True, slots=True, eq=False)
class OtlpRequest:
    """One export: the parsed message, when it came (seconds since the epoch), its size in bytes.

    `judged` ends when the judgement of it has ended, with the error if there was one: only then is its
    sender answered.
    """

    signal: Signal
    message: ExportRequest
    received_at: float
    size: int
    judged: Future[None] = field(default_factory=Future)

    def settle(self, error: Exception | None) -> None:
        """Say that it was judged, or that it could not be. To be called once."""
        if error is None:
            self.judged.set_result(None)
        else:
            self.judged.set_exception(error)


class Intake:
    """A queue bounded by requests and by bytes; full means refuse, never wait and never drop.

    Whoever takes a request settles it. Any number of threads may call; the counters may be read at any time
    from any thread. `accepted` counts the requests that were taken, `refused` those that were not let in or
    were withdrawn.
    """

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        if max_requests < 1 or max_bytes < 1:
            raise ValueError("the intake must hold at least one request of one byte")
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.accepted = dict.fromkeys(Signal, 0)
        self.refused = dict.fromkeys(Signal, 0)
        self._queue: deque[OtlpRequest] = deque()
        self._bytes = 0
        self._changed = threading.Condition()

    @property
    def queued_bytes(self) -> int:
        """Bytes (as received) of the requests that wait."""
        return self._bytes

    @property
    def queued_requests(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    def offer(self, request: OtlpRequest) -> bool:
        """Let `request` wait; False, at once, when there is no room for it."""
        with self._changed:
            if len(self._queue) >= self.max_requests or self._bytes + request.size > self.max_bytes:
                self.refused[request.signal] += 1
                return False
            self._queue.append(request)
            self._bytes += request.size
            self._changed.notify()
            return True

    def withdraw(self, request: OtlpRequest) -> bool:
        """Let `request` wait no longer; False when it does not wait any more, as it was taken."""
        with self._changed:
            try:
                self._queue.remove(request)
            except ValueError:
                return False
            self._bytes -= request.size
            self.refused[request.signal] += 1
            return True

    def take(self, timeout_s: float) -> OtlpRequest | None:
        """The oldest request, waiting at most `timeout_s` seconds for one; None when none came."""
        with self._changed:
            if not self._queue:
                self._changed.wait(timeout_s)
            if not self._queue:
                return None
            request = self._queue.popleft()
            self._bytes -= request.size
            self.accepted[request.signal] += 1
            return request
