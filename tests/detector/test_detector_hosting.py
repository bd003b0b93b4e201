"""What a server process needs around its work."""

import io
import logging

import pytest
from opentelemetry import trace

from detector.hosting.logs import OneLineFormatter
from detector.hosting.own_telemetry import choose_exporters


@pytest.mark.parametrize(
    ("environ", "exported"),
    [
        ({}, {}),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"},
            {"TRACES": "otlp", "METRICS": "otlp", "LOGS": "otlp"},
        ),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4317"}, {"TRACES": "otlp"}),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_LOGS_EXPORTER": "none"},
            {"TRACES": "otlp", "METRICS": "otlp", "LOGS": "none"},
        ),
    ],
)
def test_a_signal_is_exported_where_an_endpoint_is_named(
    environ: dict[str, str], exported: dict[str, str]
) -> None:
    assert choose_exporters(environ, "payments")
    assert environ["OTEL_SERVICE_NAME"] == "payments"
    found = {
        s: environ[f"OTEL_{s}_EXPORTER"]
        for s in ("TRACES", "METRICS", "LOGS")
        if f"OTEL_{s}_EXPORTER" in environ
    }
    assert found == exported


def test_the_sdk_can_be_turned_off() -> None:
    assert not choose_exporters({"OTEL_SDK_DISABLED": "TRUE"}, "payments")


def test_a_service_that_is_named_already_keeps_its_name() -> None:
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "a=b, service.name=mine"}
    assert choose_exporters(environ, "payments")
    assert "OTEL_SERVICE_NAME" not in environ


def test_a_log_line_carries_its_trace_and_nothing_that_forges_lines() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLineFormatter("%(message)s"))
    context = trace.SpanContext(trace_id=0xABC, span_id=1, is_remote=True)
    with trace.use_span(trace.NonRecordingSpan(context)):
        handler.emit(logging.makeLogRecord({"msg": "pod %s", "args": ("a\n2030 CRITICAL \x1b[31mforged",)}))
    trace_id = trace.format_trace_id(0xABC)
    assert stream.getvalue() == f"pod a\\n2030 CRITICAL \\x1b[31mforged trace_id={trace_id}\n"
