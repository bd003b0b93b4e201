"""The OTLP/gRPC server, spoken to over a real socket."""

import logging
import math
import queue
import socket
import threading
from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otlp_requests import (
    T0,
    counter,
    gauge,
    histogram,
    log_record,
    logs_request,
    metrics_request,
    span,
    traces_request,
)
from willing_worker import WillingWorker

from detector.receive import (
    AddressInUse,
    Intake,
    ListenError,
    OtlpGrpcServer,
    OtlpRequest,
    ReceiveLimits,
    Reception,
    Signal,
)

PATHS = {
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    Signal.LOGS: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
}


SMALL = metrics_request(gauge("m", 1.0, T0)).SerializeToString()


class Sender:
    """A server with its intake and a channel to it that sends raw bytes."""

    def __init__(self, intake: Intake, limits: ReceiveLimits) -> None:
        self.intake = intake
        self.reception = Reception(intake, limits, lambda: T0)
        self.server = OtlpGrpcServer("127.0.0.1", 0, self.reception)
        self.port = self.server.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")

    def export(self, signal: Signal, body: bytes, compression: grpc.Compression | None = None) -> bytes:
        call = self.channel.unary_unary(PATHS[signal])
        return bytes(call(body, timeout=20, compression=compression, wait_for_ready=True))

    def export_meanwhile(self, body: bytes = SMALL, timeout_s: float = 20) -> grpc.Future:
        """The answer to come of an export of metrics."""
        call = self.channel.unary_unary(PATHS[Signal.METRICS])
        future: grpc.Future = call.future(body, timeout=timeout_s, wait_for_ready=True)
        return future

    def metrics(self, request: ExportMetricsServiceRequest) -> ExportMetricsServiceResponse:
        body = self.export(Signal.METRICS, request.SerializeToString())
        return ExportMetricsServiceResponse.FromString(body)

    def taken(self) -> OtlpRequest:
        request = self.intake.take(20)
        assert request is not None
        return request

    def close(self) -> None:
        self.channel.close()
        self.server.stop(1.0)


@pytest.fixture
def sender() -> Iterator[Sender]:
    """Nobody judges what it sends, but the test itself."""
    limits = ReceiveLimits(max_message_bytes=100_000, judged_within_s=20, retry_after_s=2.5)
    sender = Sender(Intake(max_requests=2, max_bytes=100_000), limits)
    yield sender
    sender.close()


@pytest.fixture
def hasty_sender() -> Iterator[Sender]:
    """What it sends is given back at once where nobody judges it."""
    limits = ReceiveLimits(judged_within_s=0.01, longest_judgement_s=0.01)
    sender = Sender(Intake(max_requests=2, max_bytes=2**24), limits)
    yield sender
    sender.close()


@pytest.fixture
def worker(sender: Sender) -> Iterator[WillingWorker]:
    worker = WillingWorker(sender.intake)
    yield worker
    worker.stop()


def retry_delay_ms(refused: grpc.RpcError) -> int:
    """When to come again, as both kinds of senders read it."""
    metadata = dict(refused.trailing_metadata())
    status = Status.FromString(metadata["grpc-status-details-bin"])
    assert status.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    retry = RetryInfo()
    assert status.details[0].Unpack(retry)
    assert RetryInfo.FromString(metadata["google.rpc.retryinfo-bin"]) == retry
    return int(retry.retry_delay.ToMilliseconds())


def test_each_signal_is_accepted_with_an_empty_partial_success(sender: Sender, worker: WillingWorker) -> None:
    metrics = metrics_request(gauge("m", 1.0, T0))
    assert sender.metrics(metrics) == ExportMetricsServiceResponse()
    taken = worker.next()
    assert (taken.signal, taken.message, taken.received_at) == (Signal.METRICS, metrics, T0)
    assert taken.size == len(metrics.SerializeToString())

    logs = logs_request(log_record("hello", T0))
    assert sender.export(Signal.LOGS, logs.SerializeToString()) == b""
    spans = traces_request(span(T0))
    assert sender.export(Signal.TRACES, spans.SerializeToString()) == b""
    assert [worker.next().message for _ in range(2)] == [logs, spans]


def test_gzip_is_understood(sender: Sender, worker: WillingWorker) -> None:
    request = metrics_request(*(gauge(f"metric.{i}", 1.0, T0) for i in range(100)))
    sender.export(Signal.METRICS, request.SerializeToString(), compression=grpc.Compression.Gzip)
    assert worker.next().message == request


def test_nothing_is_acknowledged_before_it_was_judged(sender: Sender) -> None:
    answer = sender.export_meanwhile()
    request = sender.taken()
    assert not answer.done()
    request.settle(None)
    assert answer.result(20) == b""


def test_a_judgement_that_fails_is_told_so_that_it_is_not_sent_again(sender: Sender) -> None:
    answer = sender.export_meanwhile()
    sender.taken().settle(ValueError("secret"))
    refused = answer.exception(20)
    assert isinstance(refused, grpc.RpcError)
    assert refused.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in refused.details()


@pytest.mark.parametrize("signal", list(Signal))
def test_bytes_that_do_not_parse_are_the_senders_error(
    sender: Sender, signal: Signal, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(grpc.RpcError) as refused:
        sender.export(signal, b"\xff not protobuf")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not a opentelemetry.proto.collector" in refused.value.details()
    assert sender.intake.queued_requests == 0
    assert sender.reception.malformed == 1
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_oversized_message_is_refused(sender: Sender) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        sender.export(Signal.METRICS, bytes(200_000))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_full_intake_says_when_to_come_again(sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    waiting = [sender.export_meanwhile() for _ in range(3)]
    ended: queue.Queue[grpc.Future] = queue.Queue()
    for each in waiting:
        each.add_done_callback(ended.put)
    refused = ended.get(timeout=20).exception()
    assert isinstance(refused, grpc.RpcError)
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_ms(refused) == 2500
    assert "Traceback" not in caplog.text

    for _ in range(2):
        sender.taken().settle(None)
    assert sorted(each.exception(20) is None for each in waiting) == [False, True, True]


def test_what_waits_too_long_is_given_back_and_never_judged(hasty_sender: Sender) -> None:
    refused = hasty_sender.export_meanwhile().exception(20)
    assert isinstance(refused, grpc.RpcError)
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_ms(refused) == 1000
    assert hasty_sender.intake.take(0) is None
    assert hasty_sender.intake.refused[Signal.METRICS] == 1


def test_a_sender_is_answered_before_it_gives_up(sender: Sender) -> None:
    refused = sender.export_meanwhile(timeout_s=2).exception(20)
    assert isinstance(refused, grpc.RpcError)
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_judgement_without_end_does_not_hold_its_sender_for_ever(hasty_sender: Sender) -> None:
    answers = []
    while not (hung := hasty_sender.intake.take(0.005)):
        answers.append(hasty_sender.export_meanwhile())
    refused = [answer.exception(20) for answer in answers]
    codes = [each.code() for each in refused if isinstance(each, grpc.RpcError)]
    assert codes.count(grpc.StatusCode.UNAVAILABLE) == 1
    assert not hung.judged.done()


def test_what_can_never_be_used_is_told_and_the_rest_accepted(sender: Sender, worker: WillingWorker) -> None:
    request = metrics_request(
        gauge("good", 1.0, T0),
        gauge("empty", None, T0),
        gauge("stale", None, T0, flags=1),
        counter("endless", math.inf, T0),
        counter("nan", math.nan, T0),
        gauge("", 1.0, T0),
        histogram("h", [1, 2, 3], [1.0], 3.0, T0),
    )
    answer = sender.metrics(request)
    assert answer.partial_success.rejected_data_points == 5
    for reason in ("without a value", "not finite", "without a name", "bucket_counts"):
        assert reason in answer.partial_success.error_message
    assert worker.next().message == request
    assert sender.reception.rejected == 5


@pytest.mark.usefixtures("worker")
def test_spans_that_can_never_be_used_are_told(sender: Sender) -> None:
    request = traces_request(span(T0), span(0.0, 0.0), span(T0, trace_id=b""), span(T0, trace_id=bytes(16)))
    body = sender.export(Signal.TRACES, request.SerializeToString())
    answer = ExportTraceServiceResponse.FromString(body)
    assert answer.partial_success.rejected_spans == 3
    assert "without a valid trace id" in answer.partial_success.error_message


@pytest.mark.usefixtures("worker")
def test_an_empty_request_is_a_full_success(sender: Sender) -> None:
    assert (
        ExportLogsServiceResponse.FromString(sender.export(Signal.LOGS, b"")) == ExportLogsServiceResponse()
    )


def test_a_taken_port_is_an_error_that_says_what_to_set(sender: Sender) -> None:
    second = OtlpGrpcServer("127.0.0.1", sender.port, sender.reception)
    with pytest.raises(AddressInUse, match=rf"127\.0\.0\.1:{sender.port}.*AEGISOPS_DETECTOR_OTLP_PORT"):
        second.start()
    second.stop(0)


def test_an_address_of_another_machine_is_an_error_that_says_what_to_set() -> None:
    server = OtlpGrpcServer("192.0.2.1", 0, Reception(Intake(1, 10**9), ReceiveLimits(), lambda: T0))
    with pytest.raises(ListenError, match="AEGISOPS_DETECTOR_HOST"):
        server.start()


def test_stopping_waits_for_a_judgement_and_frees_the_port(sender: Sender) -> None:
    answer = sender.export_meanwhile()
    request = sender.taken()
    stopping = threading.Thread(target=sender.server.stop, args=(20,))
    stopping.start()
    request.settle(None)
    assert answer.result(20) == b""
    stopping.join(20)
    sender.server.stop(1.0)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", sender.port))


def test_a_message_limit_above_the_intakes_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="the intake holds 10 bytes"):
        Reception(Intake(1, 10), ReceiveLimits(), lambda: T0)
