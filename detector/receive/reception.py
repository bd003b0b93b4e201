"""What becomes of a request, whichever transport it came by: parsed, looked through, judged, answered."""

from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from detector.receive.intake import ExportRequest, Intake, OtlpRequest
from detector.receive.otlp_service import ExportResponse, OtlpService
from detector.receive.unusable import Reasons, unusable


class RefusedError(Exception):
    """The request was not judged; the message is for its sender."""


class MalformedError(RefusedError):
    """The body is no request of its service, and never will be."""


class NoRoomError(RefusedError):
    """There is no room for the request, or it waited too long: its sender keeps it and comes again."""

    def __init__(self) -> None:
        super().__init__("the detector has more telemetry waiting than it may hold; send this again later")


class UnendingError(RefusedError):
    """The judgement of the request does not end."""

    def __init__(self) -> None:
        super().__init__("the judgement of this request does not end")


class JudgementError(RefusedError):
    """The judgement of the request failed, and would again."""

    def __init__(self) -> None:
        super().__init__("the judgement of this request failed; the detector's log says why")


@dataclass(frozen=True, slots=True)
class ReceiveLimits:
    """Bounds of receiving.

    `max_message_bytes`: the largest request, unpacked. `judged_within_s`: a request that waited so long is
    given back to its sender; `longest_judgement_s`: how long the judgement of a single one may take.
    `retry_after_s`: what a sender is told to wait when there is no room. `spare_threads`: those beyond one
    for each request that may wait: they parse, and refuse. `max_calls` in progress, by each transport.
    Of gRPC alone: `max_calls_each` on one connection; further ones of a connection wait at their sender,
    while beyond `max_calls` in all gRPC itself refuses, without RetryInfo. `keepalive_s`: a connection that
    is silent for so long is probed, and dropped when it does not answer. Of HTTP alone: `body_within_s`, how
    long the body of a request may take to arrive; `max_json_bytes`, the largest in JSON, which takes a
    hundred times as long to read.
    """

    max_message_bytes: int = 16 * 1024 * 1024
    max_json_bytes: int = 4 * 1024 * 1024
    judged_within_s: float = 2.0
    longest_judgement_s: float = 30.0
    retry_after_s: float = 1.0
    spare_threads: int = 4
    max_calls: int = 4096
    max_calls_each: int = 128
    keepalive_s: float = 60.0
    keepalive_timeout_s: float = 20.0
    body_within_s: float = 30.0


def from_protobuf(service: OtlpService, body: bytes) -> ExportRequest:
    """The request in protobuf's own encoding. Raises MalformedError."""
    try:
        return service.request.FromString(body)
    except DecodeError as error:
        raise MalformedError(
            f"the body ({len(body)} bytes) is not a {service.request.DESCRIPTOR.full_name}"
        ) from error


class Reception:
    """Hands requests over to be judged, and waits; may be called from any number of threads.

    An answer means that the judgement of the request has ended: what waits here belongs to its sender still,
    who sends it again if this process dies. Records that can never be used are counted in the answer's
    partial success (see `detector.receive.unusable`); normalise skips them. `clock`: seconds since the epoch.
    Counters `malformed` (requests) and `rejected` (records).
    """

    def __init__(self, intake: Intake, limits: ReceiveLimits, clock: Callable[[], float]) -> None:
        if limits.max_message_bytes > intake.max_bytes:
            raise ValueError(
                f"the intake holds {intake.max_bytes} bytes, less than one message may have "
                f"({limits.max_message_bytes}); raise the former or lower the latter"
            )
        self.malformed = 0
        self.rejected = 0
        self.limits = limits
        self._intake = intake
        self._clock = clock

    @property
    def max_threads(self) -> int:
        """How many threads a transport needs."""
        return self._intake.max_requests + self.limits.spare_threads

    @property
    def max_bytes(self) -> int:
        """How many bytes of requests may wait."""
        return self._intake.max_bytes

    def receive(
        self,
        service: OtlpService,
        body: bytes,
        time_left_s: float | None = None,
        parse: Callable[[OtlpService, bytes], ExportRequest] = from_protobuf,
    ) -> ExportResponse:
        """The answer to `body`, once it was judged. `time_left_s`: until its sender gives up.

        `parse` reads the body, and raises MalformedError.
        Raises a RefusedError.
        """
        received_at = self._clock()
        try:
            message = parse(service, body)
        except MalformedError:
            self.malformed += 1
            raise
        reasons = unusable(message)
        self._have_judged(OtlpRequest(service.signal, message, received_at, len(body)), time_left_s)
        if not reasons:
            return service.answer(0, "")
        self.rejected += reasons.total()
        return service.answer(reasons.total(), _in_words(reasons))

    def _have_judged(self, request: OtlpRequest, time_left_s: float | None) -> None:
        limits = self.limits
        if not self._intake.offer(request):
            raise NoRoomError
        patience = limits.judged_within_s
        if time_left_s is not None:
            patience = min(patience, time_left_s / 2)
        if not _ends_within(patience, request):
            if self._intake.withdraw(request):
                raise NoRoomError
            if not _ends_within(limits.longest_judgement_s, request):
                raise UnendingError
        if request.judged.exception() is not None:
            raise JudgementError


def _ends_within(seconds: float, request: OtlpRequest) -> bool:
    return bool(futures.wait([request.judged], seconds).done)


def _in_words(reasons: Reasons) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
