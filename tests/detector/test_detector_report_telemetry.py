import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from detector_incidents import an_incident
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from detector.incident import IncidentType
from detector.report import telemetry_registry as told
from detector.report.health_metrics import READ_FROM_STATS, HealthMetrics, Stats
from detector.report.telemetry import SpanDetectionTracer


def test_detection_is_a_root_span_from_first_anomaly_to_opening() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    incident = an_incident()
    traceparent = SpanDetectionTracer(provider, RandomIdGenerator()).record(incident)

    (span,) = exporter.get_finished_spans()
    assert (span.name, span.parent) == ("detect", None)
    assert (span.start_time, span.end_time) == (1000 * 10**9, 1002 * 10**9)
    assert span.attributes == {
        "aegisops.incident.id": "INC-1",
        "aegisops.incident.type": "network_latency",
        "aegisops.incident.service": "checkout",
        "aegisops.incident.severity": "high",
        "aegisops.incident.confidence": 0.9,
    }
    (event,) = span.events
    assert event.attributes == {
        "aegisops.evidence.id": "e1",
        "aegisops.evidence.series": "http.client.request.duration:p95",
        "aegisops.evidence.signal": "client_latency",
        "aegisops.evidence.reason": "above_normal",
        "aegisops.evidence.score": 0.99,
        "aegisops.evidence.before": 0.02,
        "aegisops.evidence.now": 0.9,
    }
    assert span.context is not None
    assert traceparent.split("-")[1:3] == [
        trace.format_trace_id(span.context.trace_id),
        trace.format_span_id(span.context.span_id),
    ]
    provider.shutdown()


@pytest.mark.parametrize("provider", [trace.NoOpTracerProvider(), TracerProvider(shutdown_on_exit=False)])
def test_an_incident_has_a_valid_sampled_trace_even_where_nothing_is_exported(
    provider: trace.TracerProvider,
) -> None:
    traceparent = SpanDetectionTracer(provider, RandomIdGenerator()).record(an_incident())
    found = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", traceparent)
    assert found is not None
    assert int(found[1], 16) > 0
    assert int(found[2], 16) > 0
    assert int(found[3], 16) & trace.TraceFlags.SAMPLED


def read(reader: InMemoryMetricReader) -> dict[str, Metric]:
    data = reader.get_metrics_data()
    assert data is not None
    return {m.name: m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    yield reader
    reader.shutdown()


def test_health_is_told_as_the_registry_says(reader: InMemoryMetricReader) -> None:
    stats = Stats(*range(1, 16))
    health = HealthMetrics(MeterProvider([reader], shutdown_on_exit=False))
    health.observe(lambda: stats, lambda: {IncidentType.CPU_SPIKE: 2})
    health.incident_opened(an_incident())
    health.judged(0.1, 0.01)
    health.report_acknowledged(0.1)

    emitted = read(reader)
    known = {one.name: one for one in told.REGISTRY.metrics}
    assert {(m.unit, m.description) for m in emitted.values()} == {
        (known[name].unit, known[name].description) for name in emitted
    }
    for metric, field in READ_FROM_STATS:
        (point,) = emitted[metric.name].data.data_points
        assert point.value == getattr(stats, field)
    (detected,) = emitted[told.TIME_TO_DETECT.name].data.data_points
    assert detected.sum == 2.0
    assert tuple(detected.explicit_bounds) == told.SECONDS_TO_DETECT


def test_incidents_opened_are_told_from_zero_for_every_type(reader: InMemoryMetricReader) -> None:
    health = HealthMetrics(MeterProvider([reader], shutdown_on_exit=False))
    assert opened(reader) == dict.fromkeys(IncidentType, 0)
    health.incident_opened(an_incident())
    assert opened(reader) == dict.fromkeys(IncidentType, 0) | {IncidentType.NETWORK_LATENCY: 1}


def opened(reader: InMemoryMetricReader) -> dict[str, int]:
    points = read(reader)[told.INCIDENTS_OPENED.name].data.data_points
    return {point.attributes["aegisops.incident.type"]: point.value for point in points}


def test_the_time_to_detect_leads_to_the_trace_of_the_incident(reader: InMemoryMetricReader) -> None:
    incident = replace(an_incident(), traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    HealthMetrics(MeterProvider([reader], shutdown_on_exit=False)).incident_opened(incident)
    (point,) = read(reader)[told.TIME_TO_DETECT.name].data.data_points
    (exemplar,) = point.exemplars
    assert trace.format_trace_id(exemplar.trace_id) == incident.trace_id
