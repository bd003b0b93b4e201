"""The OpenTelemetry SDK exports by HTTP, over TLS and with a token, to a detector process."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from certificates import Certificate, self_signed
from detector_process import DetectorProcess
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

TOKEN = "aegis_0123456789abcdef"
RESOURCE = Resource({"service.name": "shop", "service.instance.id": "shop-1"})


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return self_signed(tmp_path)


@pytest.fixture
def detector(certificate: Certificate, tmp_path: Path) -> Iterator[DetectorProcess]:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    process = DetectorProcess(
        AEGISOPS_DETECTOR_OTLP_TOKEN_FILE=str(tokens),
        AEGISOPS_DETECTOR_OTLP_TLS_CERT_FILE=str(certificate.certificate),
        AEGISOPS_DETECTOR_OTLP_TLS_KEY_FILE=str(certificate.key),
    )
    yield process
    process.stop()


def test_all_that_the_sdk_exports_is_judged(
    detector: DetectorProcess, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # to the SDK's client they count for more
        monkeypatch.delenv(name, raising=False)
    _, queries = detector.wait_ready()
    options: dict[str, Any] = {
        "certificate_file": str(certificate.certificate),
        "headers": {"authorization": f"Bearer {TOKEN}"},
        "compression": Compression.Gzip,
    }
    base = f"https://{detector.otlp_http}/v1"

    metrics = OTLPMetricExporter(f"{base}/metrics", **options)
    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=float("inf"))
    meters = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
    meters.get_meter("test").create_gauge("queue.length").set(3)
    tracers = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{base}/traces", **options)))
    tracers.get_tracer("test").start_span("GET /").end()
    loggers = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{base}/logs", **options)))
    log = logging.Logger("test")
    log.addHandler(LoggingHandler(logger_provider=loggers))
    log.warning("the queue is long")

    for provider in (meters, tracers, loggers):
        assert provider.force_flush(20_000)
        provider.shutdown()

    stats = httpx.get(f"{queries}/stats", trust_env=False).json()
    assert (stats["requests"], stats["unparsable"], stats["failures"]) == (3, 0, 0)
    (shop,) = httpx.get(f"{queries}/services", trust_env=False).json()
    assert (shop["service"], shop["instances"]) == ("shop", ["shop-1"])
    assert detector.stop() == 0
    assert "Traceback" not in detector.log
