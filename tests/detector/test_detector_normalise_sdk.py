"""The real OpenTelemetry SDK exports to the real server; what it sent comes out as samples."""

import logging
from collections.abc import Iterator

import pytest
from normalised import Bench
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from willing_worker import WillingWorker

from detector.receive import Intake, OtlpGrpcServer, OtlpRequest, ReceiveLimits, Reception
from detector.series import Heartbeat

RESOURCE = Resource({"service.name": "shop", "service.instance.id": "shop-1", "process.pid": 7})


class Detector:
    """The receiving half of the detector: server, intake, normaliser."""

    def __init__(self) -> None:
        self.now = 0.0
        self.bench = Bench()
        self.heartbeats: list[Heartbeat] = []
        intake = Intake(max_requests=100, max_bytes=10**7)
        self.worker = WillingWorker(intake)
        self.server = OtlpGrpcServer(
            "127.0.0.1", 0, Reception(intake, ReceiveLimits(10**6), lambda: self.now)
        )
        self.endpoint = f"http://127.0.0.1:{self.server.start()}"

    def received(self) -> OtlpRequest:
        return self.worker.next()

    def metrics(self) -> dict[str, list[float]]:
        """The samples of the next request; the time of receipt is the time of its points."""
        message = self.received().message
        points = [
            point
            for of_resource in message.resource_metrics  # type: ignore[union-attr]
            for of_scope in of_resource.scope_metrics
            for metric in of_scope.metrics
            for point in getattr(metric, str(metric.WhichOneof("data"))).data_points
        ]
        self.now = max(point.time_unix_nano for point in points) / 1e9
        normalised = self.bench.normaliser.metrics(message, self.now)  # type: ignore[arg-type]
        self.heartbeats += normalised.heartbeats
        return self.bench.values(normalised.samples)


@pytest.fixture
def detector() -> Iterator[Detector]:
    detector = Detector()
    yield detector
    detector.server.stop(1.0)
    detector.worker.stop()


def test_no_maximum_of_the_past_outlives_its_fault_with_the_sdks_default_buckets(detector: Detector) -> None:
    exporter = OTLPMetricExporter(detector.endpoint, insecure=True)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
    durations = provider.get_meter("test").create_histogram("calls", "s")

    def interval(seconds: float) -> dict[str, list[float]]:
        sent: dict[str, list[float]] = {}
        while "calls:mean" not in sent:
            for n in range(40):
                durations.record(seconds * (0.8 + 0.01 * n))
            reader.force_flush()
            sent = detector.metrics()
        return sent

    try:
        for seconds in (0.02, 0.02, 1.5, 1.5):
            interval(seconds)
        healed = interval(0.02)
    finally:
        provider.shutdown()
    assert healed["calls:mean"] == [pytest.approx(0.02, rel=0.05)]
    assert healed.get("calls:p95", [0.02])[0] <= 0.1


def test_metrics_of_the_sdk(detector: Detector) -> None:
    exporter = OTLPMetricExporter(detector.endpoint, insecure=True)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    view = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], RESOURCE, views=[view], shutdown_on_exit=False)
    meter = provider.get_meter("test")

    def memory(_: CallbackOptions) -> list[Observation]:
        return [Observation(30)]

    def limit(_: CallbackOptions) -> list[Observation]:
        return [Observation(40)]

    meter.create_observable_up_down_counter("app.memory.usage", [memory], "By")
    meter.create_observable_up_down_counter("app.memory.limit", [limit], "By")
    requests = meter.create_counter("requests")
    duration = meter.create_histogram("http.server.request.duration", "s")
    exponential = meter.create_histogram("exponential", "s")
    timeouts = meter.create_counter("timeouts")
    try:
        requests.add(5)
        reader.force_flush()
        first = detector.metrics()
        assert first["app.memory.usage:value"] == [30.0]
        assert first["app.memory.usage:share"] == [0.75]
        assert first["requests:rate"] == [5.0]

        began = detector.now
        second: dict[str, list[float]] = {}
        while not {"requests:rate", "timeouts:rate"} <= second.keys():
            requests.add(10)
            for value in (0.01, 0.02, 0.03):
                duration.record(value)
                exponential.record(value)
            timeouts.add(5)
            reader.force_flush()
            second |= detector.metrics()
        assert second["requests:rate"][0] > 0
        assert second["timeouts:rate"][0] > 0
        for name in ("http.server.request.duration", "exponential"):
            assert second[f"{name}:mean"] == [pytest.approx(0.02)]
            assert second[f"{name}:p95"] == [pytest.approx(0.03, rel=0.2)]
            assert second[f"{name}:count_rate"][0] > 0
        assert detector.heartbeats[-1].pid == 7
        started_at = detector.heartbeats[-1].started_at
        assert started_at is not None
        assert started_at <= began
    finally:
        provider.shutdown()


def test_logs_of_the_sdk(detector: Detector) -> None:
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(detector.endpoint, insecure=True))
    )
    log = logging.Logger("shop")
    log.addHandler(LoggingHandler(logger_provider=provider))
    try:
        log.info("started")
        try:
            raise TimeoutError("QueuePool limit of size 5 reached")
        except TimeoutError:
            log.exception("request failed, password=hunter2")
        provider.force_flush()
        request = detector.received()
    finally:
        provider.shutdown()
    (notice,) = detector.bench.normaliser.logs(request.message, 1000.0).logs  # type: ignore[arg-type]
    assert notice.body == (
        "request failed, password=<secret> [TimeoutError: QueuePool limit of size 5 reached]"
    )
    rates = detector.bench.flush(1001.0)
    assert rates["log.records{severity=error}:count_rate"] == [1.0]
    assert rates["log.records{severity=info}:count_rate"] == [1.0]


def test_spans_of_the_sdk(detector: Detector) -> None:
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(detector.endpoint, insecure=True)))
    tracer = provider.get_tracer("test")
    try:
        with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER) as server:
            peer: dict[str, str | int] = {"server.address": "api", "server.port": 80}
            with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT, attributes=peer):
                pass
            server.set_status(Status(StatusCode.ERROR))
        provider.force_flush()
        request = detector.received()
    finally:
        provider.shutdown()
    detector.bench.normaliser.traces(request.message, 1000.0)  # type: ignore[arg-type]
    closed = detector.bench.normaliser.flush(1001.0)
    samples = detector.bench.values(closed.samples)
    assert samples["span.server:error_ratio"] == [1.0]
    assert samples["span.client{peer=api:80}:error_ratio"] == [0.0]
    assert [example.name for example in closed.spans if example.error] == ["GET /"]
