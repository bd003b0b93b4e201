"""OTLP/gRPC with tokens and TLS, its health service, and what is packed too tightly or nested too deeply."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import grpc
import pytest
from certificates import self_signed
from google.protobuf.wrappers_pb2 import Int32Value, StringValue
from otlp_requests import T0, gauge, log_nested, metrics_request
from willing_worker import WillingWorker

from detector.receive import BearerTokens, Intake, OtlpGrpcServer, ReceiveLimits, Reception, TlsFiles

METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService"
LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"
BODY = metrics_request(gauge("m", 1.0, T0)).SerializeToString()
TOKEN = "aegis_0123456789abcdef"
MAX_BYTES = 100_000


class Server:
    """A server whose requests are all judged at once."""

    def __init__(self, tokens: BearerTokens | None = None, tls: TlsFiles | None = None) -> None:
        self.ready = True
        intake = Intake(max_requests=4, max_bytes=MAX_BYTES)
        self._worker = WillingWorker(intake)
        self.reception = Reception(intake, ReceiveLimits(max_message_bytes=MAX_BYTES), lambda: T0)
        self._server = OtlpGrpcServer(
            "127.0.0.1", 0, self.reception, tokens=tokens, tls=tls, serving=lambda: self.ready
        )
        self.address = f"127.0.0.1:{self._server.start()}"

    def close(self) -> None:
        self._server.stop(1.0)
        self._worker.stop()


@pytest.fixture
def at_the_end() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def code_of(channel: grpc.Channel, path: str, body: bytes, **options: object) -> grpc.StatusCode:
    try:
        channel.unary_unary(path)(body, timeout=20, **options)
    except grpc.RpcError as refused:
        code: grpc.StatusCode = refused.code()
        return code
    return grpc.StatusCode.OK


def test_without_a_token_it_knows_nothing_is_taken(at_the_end: ExitStack) -> None:
    server = at_the_end.enter_context(closing(Server(BearerTokens([TOKEN]))))
    channel = at_the_end.enter_context(grpc.insecure_channel(server.address))

    def export(*shown: str) -> grpc.StatusCode:
        metadata = [("authorization", each) for each in shown]
        return code_of(channel, f"/{METRICS}/Export", BODY, metadata=metadata)

    assert export() is grpc.StatusCode.UNAUTHENTICATED
    assert export(f"Bearer {TOKEN[:-1]}") is grpc.StatusCode.UNAUTHENTICATED
    assert export("Bearer nothing", f"Bearer {TOKEN}") is grpc.StatusCode.UNAUTHENTICATED
    assert export(f"Bearer {TOKEN}") is grpc.StatusCode.OK


def test_over_tls_it_is_known_by_its_certificate_and_takes_nothing_in_the_clear(
    at_the_end: ExitStack, tmp_path: Path
) -> None:
    made = self_signed(tmp_path)
    server = at_the_end.enter_context(closing(Server(tls=TlsFiles(made.certificate, made.key))))
    trusted = grpc.ssl_channel_credentials(made.certificate.read_bytes())
    secure = at_the_end.enter_context(grpc.secure_channel(server.address, trusted))
    assert code_of(secure, f"/{METRICS}/Export", BODY) is grpc.StatusCode.OK
    clear = at_the_end.enter_context(grpc.insecure_channel(server.address))
    assert code_of(clear, f"/{METRICS}/Export", BODY) is grpc.StatusCode.UNAVAILABLE


def test_health_is_told_of_the_server_and_each_service_and_needs_no_token(at_the_end: ExitStack) -> None:
    server = at_the_end.enter_context(closing(Server(BearerTokens([TOKEN]))))
    channel = at_the_end.enter_context(grpc.insecure_channel(server.address))
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check", StringValue.SerializeToString, Int32Value.FromString
    )
    serving, not_serving = Int32Value(value=1), Int32Value(value=2)
    assert check(StringValue(), timeout=20) == check(StringValue(value=METRICS), timeout=20) == serving
    server.ready = False
    assert check(StringValue(), timeout=20) == not_serving


def test_health_of_what_it_does_not_serve_is_not_found(at_the_end: ExitStack) -> None:
    server = at_the_end.enter_context(closing(Server()))
    channel = at_the_end.enter_context(grpc.insecure_channel(server.address))
    unknown = StringValue(value="shop.Basket").SerializeToString()
    assert code_of(channel, "/grpc.health.v1.Health/Check", unknown) is grpc.StatusCode.NOT_FOUND
    assert code_of(channel, "/grpc.health.v1.Health/Check", b"\xff") is grpc.StatusCode.INVALID_ARGUMENT
    assert code_of(channel, "/grpc.health.v1.Health/Watch", b"") is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_what_unpacks_to_more_than_the_limit_is_refused_for_good(
    at_the_end: ExitStack, compression: grpc.Compression
) -> None:
    server = at_the_end.enter_context(closing(Server()))
    channel = at_the_end.enter_context(grpc.insecure_channel(server.address))
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(f"/{METRICS}/Export")(bytes(50 * MAX_BYTES), timeout=20, compression=compression)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not [key for key, _ in refused.value.trailing_metadata() if key.endswith("-bin")]


def test_a_value_nested_without_end_does_not_parse(at_the_end: ExitStack) -> None:
    server = at_the_end.enter_context(closing(Server()))
    channel = at_the_end.enter_context(grpc.insecure_channel(server.address))

    assert code_of(channel, f"/{LOGS}/Export", log_nested(20)) is grpc.StatusCode.OK
    assert code_of(channel, f"/{LOGS}/Export", log_nested(200)) is grpc.StatusCode.INVALID_ARGUMENT
    assert server.reception.malformed == 1
