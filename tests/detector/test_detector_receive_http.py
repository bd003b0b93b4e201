"""The OTLP/HTTP server, spoken to over a real socket."""

import gzip
import json
import logging
import queue
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from certificates import self_signed
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from otlp_requests import (
    T0,
    gauge,
    log_nested,
    log_record,
    logs_request,
    metrics_request,
    span,
    traces_request,
)
from willing_worker import WillingWorker

from detector.receive import (
    AddressInUse,
    BearerTokens,
    Intake,
    ListenError,
    OtlpHttpServer,
    ReceiveLimits,
    Reception,
    Signal,
    TlsFiles,
)

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TOKEN = "aegis_0123456789abcdef"
SMALL = metrics_request(gauge("m", 1.0, T0)).SerializeToString()
MAX_BYTES = 100_000


class Server:
    """A server with its intake, and a client of it."""

    def __init__(
        self, limits: ReceiveLimits, tokens: BearerTokens | None = None, tls: TlsFiles | None = None
    ) -> None:
        self.intake = Intake(max_requests=2, max_bytes=MAX_BYTES)
        self.reception = Reception(self.intake, limits, lambda: T0)
        self.server = OtlpHttpServer("127.0.0.1", 0, self.reception, tokens=tokens, tls=tls)
        self.port = self.server.start()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20.0, trust_env=False)

    def post(
        self, body: bytes, signal: Signal = Signal.METRICS, kind: str = PROTOBUF, **headers: str
    ) -> httpx.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.client.post(f"/v1/{signal}", content=body, headers={"content-type": kind} | named)

    def close(self) -> None:
        self.client.close()
        self.server.stop(1.0)


def limits(judged_within_s: float = 20, body_within_s: float = 20) -> ReceiveLimits:
    return ReceiveLimits(
        max_message_bytes=MAX_BYTES,
        max_json_bytes=MAX_BYTES // 2,
        judged_within_s=judged_within_s,
        longest_judgement_s=0.01,
        retry_after_s=1.5,
        body_within_s=body_within_s,
    )


@pytest.fixture
def at_the_end() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def server(at_the_end: ExitStack) -> Server:
    """Nobody judges what comes, but the test itself."""
    return at_the_end.enter_context(closing(Server(limits())))


@pytest.fixture
def worker(server: Server) -> Iterator[WillingWorker]:
    worker = WillingWorker(server.intake)
    yield worker
    worker.stop()


def status_of(answer: httpx.Response) -> Status:
    assert answer.headers["content-type"] == PROTOBUF
    return Status.FromString(answer.content)


def test_each_signal_is_accepted_with_an_empty_partial_success(server: Server, worker: WillingWorker) -> None:
    sent = {
        Signal.METRICS: metrics_request(gauge("m", 1.0, T0)),
        Signal.LOGS: logs_request(log_record("hello", T0)),
        Signal.TRACES: traces_request(span(T0)),
    }
    for signal, request in sent.items():
        answer = server.post(request.SerializeToString(), signal)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", PROTOBUF)
        taken = worker.next()
        assert (taken.signal, taken.message, taken.received_at) == (signal, request, T0)


def test_gzip_is_understood_also_of_several_members(server: Server, worker: WillingWorker) -> None:
    packed = gzip.compress(SMALL[:10]) + gzip.compress(SMALL[10:])
    assert server.post(packed, content_encoding="gzip").status_code == 200
    assert worker.next().size == len(SMALL)


def test_json_is_read_and_answered_in_json(server: Server, worker: WillingWorker) -> None:
    spans = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "5B8EFFF798038103D269B633813FC60C",
                                "spanId": "eee19b7ec3c1b174",
                                "parentSpanId": "eee19b7ec3c1b173",
                                "name": "GET /",
                                "kind": 2,
                                "startTimeUnixNano": "1544712660000000000",
                                "endTimeUnixNano": "1544712661000000000",
                                "attributes": [{"key": "n", "value": {"intValue": "7"}}],
                                "links": [{"traceId": "00" * 15 + "01", "spanId": "00" * 7 + "01"}],
                                "status": {"code": 2},
                                "unknownField": {"whatever": [1, 2]},
                            }
                        ]
                    }
                ],
            }
        ]
    }
    answer = server.post(json.dumps(spans).encode(), Signal.TRACES, f"{JSON}; charset=utf-8")
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, JSON, {})
    message = worker.next().message
    read = message.resource_spans[0].scope_spans[0].spans[0]  # type: ignore[union-attr]  # sent to traces
    assert read.trace_id == bytes.fromhex("5b8efff798038103d269b633813fc60c")
    assert (read.span_id, read.parent_span_id) == (
        bytes.fromhex("eee19b7ec3c1b174"),
        bytes.fromhex("eee19b7ec3c1b173"),
    )
    assert (read.kind, read.status.code, read.attributes[0].value.int_value) == (2, 2, 7)
    assert read.end_time_unix_nano == 1544712661000000000
    assert read.links[0].trace_id == bytes(15) + b"\x01"


@pytest.mark.usefixtures("worker")
def test_what_can_never_be_used_is_told_in_the_encoding_of_the_request(server: Server) -> None:
    half = metrics_request(gauge("good", 1.0, T0), gauge("", 1.0, T0))
    answer = ExportMetricsServiceResponse.FromString(server.post(half.SerializeToString()).content)
    assert answer.partial_success.rejected_data_points == 1
    assert "without a name" in answer.partial_success.error_message

    point = {"timeUnixNano": "1544712660000000000", "asDouble": 1.0}
    metrics = [{"name": "", "gauge": {"dataPoints": [point]}}]
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()
    told = server.post(body, kind=JSON).json()["partialSuccess"]
    assert told["rejectedDataPoints"] == "1"


def test_nothing_is_acknowledged_before_it_was_judged(server: Server) -> None:
    answers: queue.Queue[httpx.Response] = queue.Queue()
    sending = threading.Thread(target=lambda: answers.put(server.post(SMALL)))
    sending.start()
    request = server.intake.take(20)
    assert request is not None
    assert answers.empty()
    request.settle(None)
    sending.join(20)
    assert answers.get_nowait().status_code == 200


def test_a_judgement_that_fails_is_told_and_not_why(server: Server) -> None:
    answers: queue.Queue[httpx.Response] = queue.Queue()
    sending = threading.Thread(target=lambda: answers.put(server.post(SMALL)))
    sending.start()
    request = server.intake.take(20)
    assert request is not None
    request.settle(ValueError("secret"))
    sending.join(20)
    answer = answers.get_nowait()
    assert (answer.status_code, status_of(answer).code) == (500, Code.INTERNAL)
    assert b"secret" not in answer.content


@pytest.mark.parametrize(
    ("body", "kind", "packing"),
    [
        (b"\xff not protobuf", PROTOBUF, "identity"),
        (b"no gzip", PROTOBUF, "gzip"),
        (gzip.compress(SMALL)[:-9], PROTOBUF, "gzip"),
        (gzip.compress(SMALL) + b"more", PROTOBUF, "gzip"),
        (b"{", JSON, "identity"),
        (b"[]", JSON, "identity"),
        (b"\xff\xfe\xfd", JSON, "identity"),
        (b'{"resourceMetrics": 5}', JSON, "identity"),
        (b'{"resourceMetrics": [{"schemaUrl": "\\ud800"}]}', JSON, "identity"),
        (b'{"resourceMetrics": [{"schemaUrl": NaN}]}', JSON, "identity"),
        (b'{"traceId": "not hex"}', JSON, "identity"),
        (b"[" * 40_000, JSON, "identity"),
        (b'{"resourceMetrics":' * 2_000, JSON, "identity"),
        (b'{"a":' + b"9" * 40_000 + b"}", JSON, "identity"),
    ],
    ids=[
        *("no protobuf", "no gzip", "half a gzip", "more than a gzip", "half a JSON", "a list", "no text"),
        *("a number for a list", "half a character", "NaN", "an id not in hex", "lists without end"),
        *("objects without end", "a number without end"),
    ],
)
def test_what_does_not_parse_is_the_senders_error(
    server: Server, body: bytes, kind: str, packing: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = server.post(body, kind=kind, content_encoding=packing)
    assert (answer.status_code, answer.headers["content-type"]) == (400, kind)
    assert server.reception.malformed == 1
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_value_nested_without_end_does_not_parse(server: Server) -> None:
    assert server.post(log_nested(200), Signal.LOGS).status_code == 400


@pytest.mark.parametrize(
    ("body", "kind", "packing"),
    [
        (bytes(20 * MAX_BYTES), PROTOBUF, "identity"),
        (bytes(MAX_BYTES), JSON, "identity"),
        (gzip.compress(bytes(1000 * MAX_BYTES)), PROTOBUF, "gzip"),
        (gzip.compress(bytes(MAX_BYTES)), JSON, "gzip"),
        (gzip.compress(b"") * (MAX_BYTES // 20 - 5) + gzip.compress(bytes(2 * MAX_BYTES)), PROTOBUF, "gzip"),
    ],
    ids=["protobuf", "JSON", "bomb", "JSON packed", "bomb of many members"],
)
def test_what_is_too_large_as_sent_or_unpacked_is_refused(
    server: Server, body: bytes, kind: str, packing: str
) -> None:
    answer = server.post(body, kind=kind, content_encoding=packing)
    assert (answer.status_code, answer.headers["content-type"]) == (413, kind)
    assert "retry-after" not in answer.headers
    assert server.intake.queued_requests == 0


@pytest.mark.parametrize(
    ("kind", "packing"),
    [("text/plain", "identity"), ("", "identity"), (PROTOBUF, "br"), (JSON, "gzip, gzip")],
)
def test_other_encodings_are_refused(server: Server, kind: str, packing: str) -> None:
    assert server.post(SMALL, kind=kind, content_encoding=packing).status_code == 415


def test_other_paths_and_methods_are_refused(server: Server) -> None:
    assert server.client.post("/v1/profiles", content=b"").status_code == 404
    assert server.client.get("/v1/metrics").status_code == 405


def test_what_waits_too_long_is_given_back_with_when_to_come_again(at_the_end: ExitStack) -> None:
    server = at_the_end.enter_context(closing(Server(limits(judged_within_s=0.01))))
    answer = server.post(SMALL)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert status_of(answer).code == Code.UNAVAILABLE
    assert server.intake.take(0) is None


def test_bodies_that_are_held_at_once_are_bounded_together(at_the_end: ExitStack) -> None:
    server = at_the_end.enter_context(closing(Server(limits(judged_within_s=20))))
    large = bytes([0x7A, 0]) * (MAX_BYTES // 2)
    sending = [threading.Thread(target=server.post, args=(large,)) for _ in range(2)]
    waiting = []
    for each in sending:
        each.start()
        waiting.append(server.intake.take(20))
    answer = server.post(SMALL)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    for request in waiting:
        assert request is not None
        request.settle(None)
    for each in sending:
        each.join(20)


def test_a_body_that_does_not_come_is_not_waited_for(at_the_end: ExitStack) -> None:
    server = at_the_end.enter_context(closing(Server(limits(body_within_s=0.05))))
    head = f"POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_sender_that_leaves_is_no_error(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    head = f"POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"half")
    server.server.stop(5.0)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_without_a_token_it_knows_nothing_is_taken(at_the_end: ExitStack) -> None:
    server = at_the_end.enter_context(closing(Server(limits(), BearerTokens([TOKEN]))))
    worker = WillingWorker(server.intake)
    at_the_end.callback(worker.stop)
    refused = server.post(SMALL)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert status_of(refused).code == Code.UNAUTHENTICATED
    assert server.post(SMALL, authorization=f"Bearer {TOKEN[:-1]}").status_code == 401
    assert server.post(SMALL, authorization=f"Bearer {TOKEN}").status_code == 200


def test_over_tls_it_is_known_by_its_certificate(at_the_end: ExitStack, tmp_path: Path) -> None:
    made = self_signed(tmp_path)
    server = at_the_end.enter_context(closing(Server(limits(), tls=TlsFiles(made.certificate, made.key))))
    worker = WillingWorker(server.intake)
    at_the_end.callback(worker.stop)
    trusting = ssl.create_default_context(cafile=made.certificate)
    url = f"https://127.0.0.1:{server.port}/v1/metrics"
    with httpx.Client(verify=trusting, trust_env=False, timeout=20.0) as client:
        assert client.post(url, content=SMALL, headers={"content-type": PROTOBUF}).status_code == 200
    with pytest.raises(httpx.TransportError):
        server.post(SMALL)


def test_a_taken_port_is_an_error_that_says_what_to_set(server: Server) -> None:
    second = OtlpHttpServer("127.0.0.1", server.port, server.reception)
    with pytest.raises(AddressInUse, match=rf"127\.0\.0\.1:{server.port}.*AEGISOPS_DETECTOR_OTLP_HTTP_PORT"):
        second.start()
    second.stop(0)


def test_an_address_of_another_machine_is_an_error_that_says_what_to_set(server: Server) -> None:
    with pytest.raises(ListenError, match="AEGISOPS_DETECTOR_HOST"):
        OtlpHttpServer("192.0.2.1", 0, server.reception).start()


def test_stopping_waits_for_a_judgement(server: Server) -> None:
    answers: queue.Queue[httpx.Response] = queue.Queue()
    sending = threading.Thread(target=lambda: answers.put(server.post(SMALL)))
    sending.start()
    request = server.intake.take(20)
    assert request is not None
    stopping = threading.Thread(target=server.server.stop, args=(20,))
    stopping.start()
    request.settle(None)
    sending.join(20)
    stopping.join(20)
    assert answers.get_nowait().status_code == 200
