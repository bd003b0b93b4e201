"""Which records of a request can never be used, so that their sender is told so by partial success.

Unusable are: data points of a metric without a name; number points without a value (unless flagged as
"no recorded value") or with a value that is not finite; histogram points whose bucket counts do not fit
their bounds; spans that have no end time or no valid trace id. Log records are all usable. Everything
else that is odd (times far away, resets, duplicates) is accepted and treated by normalise.
"""

import math
from collections import Counter
from collections.abc import Iterator

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import DataPointFlags, Metric

from detector.receive.intake import ExportRequest

NO_RECORDED_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
TRACE_ID_BYTES = 16

Reasons = Counter[str]
"""How many records are unusable, by the reason in words."""


def unusable(request: ExportRequest) -> Reasons:
    """The unusable records of a request, by reason; empty when all of it can be used."""
    reasons: Reasons = Counter()
    if isinstance(request, ExportMetricsServiceRequest):
        for metric in _metrics(request):
            _examine(metric, reasons)
    elif isinstance(request, ExportTraceServiceRequest):
        _examine_spans(request, reasons)
    return reasons


def _metrics(request: ExportMetricsServiceRequest) -> Iterator[Metric]:
    for of_resource in request.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            yield from of_scope.metrics


def _examine(metric: Metric, reasons: Reasons) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    points = getattr(metric, kind).data_points
    if not metric.name:
        reasons["metric without a name"] += len(points)
    elif kind in ("gauge", "sum"):
        for point in points:
            value = point.WhichOneof("value")
            if value == "as_int" or point.flags & NO_RECORDED_VALUE:
                continue
            if value is None:
                reasons["number data point without a value"] += 1
            elif not math.isfinite(point.as_double):
                reasons["number data point whose value is not finite"] += 1
    elif kind == "histogram":
        for point in points:
            buckets = len(point.bucket_counts)
            if buckets and buckets != len(point.explicit_bounds) + 1:
                reasons["histogram data point whose bucket_counts do not fit its explicit_bounds"] += 1


def _examine_spans(request: ExportTraceServiceRequest, reasons: Reasons) -> None:
    for of_resource in request.resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                if not span.end_time_unix_nano:
                    reasons["span without an end time"] += 1
                elif len(span.trace_id) != TRACE_ID_BYTES or not any(span.trace_id):
                    reasons["span without a valid trace id"] += 1
