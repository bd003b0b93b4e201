"""A service as any SDK user would build it: metrics, logs and traces by the real SDK over gRPC."""

import logging
import threading
import time

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

EXPORT_INTERVAL_MS = 250
CALLS_PER_SECOND = 40
CONVENTION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
"""Bounds that the semantic conventions advise for durations in seconds."""


class SampleService:
    """Serves requests at a steady rate, each with a call to a dependency that takes `latency_s`.

    The latency is what is reported of the calls; nobody really waits for it.
    """

    def __init__(self, name: str, otlp_port: int) -> None:
        endpoint = f"http://127.0.0.1:{otlp_port}"
        resource = Resource.create({"service.name": name, "service.instance.id": f"{name}-1"})
        self.latency_s = 0.02
        self.failing = False
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracers.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint, insecure=True), schedule_delay_millis=EXPORT_INTERVAL_MS
            )
        )
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint, insecure=True), EXPORT_INTERVAL_MS
        )
        self._meters = MeterProvider([reader], resource, shutdown_on_exit=False)
        self._loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self._loggers.add_log_record_processor(
            BatchLogRecordProcessor(
                OTLPLogExporter(endpoint, insecure=True), schedule_delay_millis=EXPORT_INTERVAL_MS
            )
        )
        self._tracer = self._tracers.get_tracer(name)
        meter = self._meters.get_meter(name)
        self._served, self._called = (
            meter.create_histogram(
                f"http.{side}.request.duration", "s", explicit_bucket_boundaries_advisory=CONVENTION_BUCKETS
            )
            for side in ("server", "client")
        )
        self._log = logging.Logger(name)
        self._log.addHandler(LoggingHandler(logger_provider=self._loggers))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        count = 0
        while not self._stop.wait(1 / CALLS_PER_SECOND):
            count += 1
            self._request(self.latency_s * (0.8 + 0.04 * (count % 11)))

    def _request(self, latency_s: float) -> None:
        ended = time.time_ns()
        started = ended - int(latency_s * 1e9)
        ok = not self.failing
        status = 200 if ok else 500
        server = self._tracer.start_span("GET /basket", kind=SpanKind.SERVER, start_time=started)
        server.set_attributes({"http.request.method": "GET", "http.response.status_code": status})
        if not ok:
            server.set_status(Status(StatusCode.ERROR))
            self._log.error("basket of customer %d could not be read", ended % 1000)
        server.end(ended)
        attributes = {
            "http.request.method": "GET",
            "http.route": "/basket",
            "http.response.status_code": status,
        }
        self._served.record(latency_s + 0.01, attributes)
        self._called.record(latency_s, {"http.request.method": "GET", "server.address": "prices.example"})

    def close(self) -> None:
        """Send the last of it and end; to be called while its endpoint still listens."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join(10)
        for provider in (self._tracers, self._meters, self._loggers):
            provider.shutdown()
