"""Builders of OTLP requests for tests. Times are seconds since the epoch; attributes are plain values."""

from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

Plain = str | bool | int | float | list[str]
Attributes = Mapping[str, Plain]
NONE: Attributes = {}

T0 = 1_750_000_000.0


def nanos(seconds: float) -> int:
    return min(max(0, round(seconds * 1e9)), 2**64 - 1)


def any_value(value: Plain) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))


def key_values(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def resource(
    service: str | None = "shop",
    instance: str | None = "shop-1",
    namespace: str = "",
    attributes: Attributes = NONE,
) -> Resource:
    known: dict[str, Plain] = {}
    if service is not None:
        known["service.name"] = service
    if instance is not None:
        known["service.instance.id"] = instance
    if namespace:
        known["service.namespace"] = namespace
    return Resource(attributes=key_values({**known, **attributes}))


def _temporality(delta: bool) -> AggregationTemporality.ValueType:
    if delta:
        return AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    return AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


def number_point(
    value: float | None, at: float, start: float = 0.0, attributes: Attributes = NONE, flags: int = 0
) -> NumberDataPoint:
    """A point with `as_int` for an int, `as_double` for a float and no value at all for None."""
    point = NumberDataPoint(
        time_unix_nano=nanos(at),
        start_time_unix_nano=nanos(start),
        attributes=key_values(attributes),
        flags=flags,
    )
    if isinstance(value, int):
        point.as_int = value
    elif value is not None:
        point.as_double = value
    return point


def gauge(
    name: str,
    value: float | None,
    at: float,
    *,
    unit: str = "1",
    attributes: Attributes = NONE,
    flags: int = 0,
) -> Metric:
    return Metric(
        name=name, unit=unit, gauge=Gauge(data_points=[number_point(value, at, 0.0, attributes, flags)])
    )


def counter(
    name: str,
    value: float | None,
    at: float,
    *,
    start: float = T0 - 3600,
    unit: str = "1",
    attributes: Attributes = NONE,
    monotonic: bool = True,
    delta: bool = False,
) -> Metric:
    return Metric(
        name=name,
        unit=unit,
        sum=Sum(
            data_points=[number_point(value, at, start, attributes)],
            is_monotonic=monotonic,
            aggregation_temporality=_temporality(delta),
        ),
    )


def histogram(
    name: str,
    counts: Sequence[int],
    bounds: Sequence[float],
    total: float | None,
    at: float,
    *,
    start: float = T0 - 3600,
    unit: str = "s",
    attributes: Attributes = NONE,
    delta: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Metric:
    point = HistogramDataPoint(
        time_unix_nano=nanos(at),
        start_time_unix_nano=nanos(start),
        count=sum(counts),
        bucket_counts=counts,
        explicit_bounds=bounds,
        attributes=key_values(attributes),
    )
    if total is not None:
        point.sum = total
    if low is not None:
        point.min = low
    if high is not None:
        point.max = high
    return Metric(
        name=name,
        unit=unit,
        histogram=Histogram(data_points=[point], aggregation_temporality=_temporality(delta)),
    )


def exponential_histogram(
    name: str,
    counts: Sequence[int],
    at: float,
    *,
    offset: int,
    scale: int,
    total: float,
    zeros: int = 0,
    negative: Sequence[int] = (),
    negative_offset: int = 0,
    start: float = T0 - 3600,
    unit: str = "s",
    attributes: Attributes = NONE,
    delta: bool = False,
    high: float | None = None,
) -> Metric:
    buckets = ExponentialHistogramDataPoint.Buckets
    point = ExponentialHistogramDataPoint(
        time_unix_nano=nanos(at),
        start_time_unix_nano=nanos(start),
        count=sum(counts) + zeros + sum(negative),
        sum=total,
        scale=scale,
        zero_count=zeros,
        positive=buckets(offset=offset, bucket_counts=counts),
        negative=buckets(offset=negative_offset, bucket_counts=negative),
        attributes=key_values(attributes),
    )
    if high is not None:
        point.max = high
    return Metric(
        name=name,
        unit=unit,
        exponential_histogram=ExponentialHistogram(
            data_points=[point], aggregation_temporality=_temporality(delta)
        ),
    )


def summary(
    name: str,
    quantiles: Mapping[float, float],
    count: int,
    total: float,
    at: float,
    *,
    start: float = T0 - 3600,
    unit: str = "s",
    attributes: Attributes = NONE,
) -> Metric:
    value = SummaryDataPoint.ValueAtQuantile
    point = SummaryDataPoint(
        time_unix_nano=nanos(at),
        start_time_unix_nano=nanos(start),
        count=count,
        sum=total,
        quantile_values=[value(quantile=q, value=v) for q, v in quantiles.items()],
        attributes=key_values(attributes),
    )
    return Metric(name=name, unit=unit, summary=Summary(data_points=[point]))


def metrics_request(*metrics: Metric, of: Resource | None = None) -> ExportMetricsServiceRequest:
    return ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(resource=of or resource(), scope_metrics=[ScopeMetrics(metrics=metrics)])
        ]
    )


def log_record(
    body: str,
    at: float,
    *,
    severity: int = 9,
    text: str = "",
    attributes: Attributes = NONE,
    trace_id: bytes = b"",
) -> LogRecord:
    return LogRecord(
        time_unix_nano=nanos(at),
        observed_time_unix_nano=nanos(at),
        severity_number=severity,  # type: ignore[arg-type]  # tests also send numbers that do not exist
        severity_text=text,
        body=AnyValue(string_value=body),
        attributes=key_values(attributes),
        trace_id=trace_id,
    )


def logs_request(*records: LogRecord, of: Resource | None = None) -> ExportLogsServiceRequest:
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=of or resource(), scope_logs=[ScopeLogs(log_records=records)])]
    )


def log_nested(depth: int) -> bytes:
    """A serialised request with one log record, whose body is an array in an array and so on.

    Its two fields are written by hand, as the library does not make what it would not read.
    """

    def field(number: int, content: bytes) -> bytes:
        size = len(content)
        length = b""
        while size >= 0x80:
            length += bytes([size & 0x7F | 0x80])
            size >>= 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + content

    value = AnyValue(string_value="deep").SerializeToString()
    for _ in range(depth):
        value = field(5, field(1, value))  # AnyValue.array_value, ArrayValue.values
    record = field(5, value)  # LogRecord.body
    return field(1, field(2, field(2, record)))


def span(
    end: float,
    duration: float = 0.01,
    *,
    name: str = "GET /",
    kind: int = Span.SPAN_KIND_SERVER,
    error: bool = False,
    attributes: Attributes = NONE,
    trace_id: bytes = b"\x01" * 16,
    span_id: bytes = b"\x02" * 8,
    parent: bytes = b"",
) -> Span:
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=kind,  # type: ignore[arg-type]  # tests also send kinds that do not exist
        start_time_unix_nano=nanos(end - duration),
        end_time_unix_nano=nanos(end),
        attributes=key_values(attributes),
        status=Status(code=Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET),
    )


def traces_request(*spans: Span, of: Resource | None = None) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=of or resource(), scope_spans=[ScopeSpans(spans=spans)])]
    )
