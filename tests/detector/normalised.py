"""A normaliser in a test's hands: requests go in, samples come out by the names of their series."""

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from otlp_requests import metrics_request

from detector.normalise import Normaliser
from detector.series import Normalised, Samples, SeriesRegistry


class Bench:
    """`send` metrics at a time; every answer maps the series' text to its values in the order they came."""

    def __init__(self, normaliser: Normaliser | None = None, registry: SeriesRegistry | None = None) -> None:
        self.registry = registry or SeriesRegistry()
        self.normaliser = normaliser or Normaliser(self.registry)

    def send(self, *metrics: Metric, at: float, of: Resource | None = None) -> dict[str, list[float]]:
        return self.values(self.metrics(metrics_request(*metrics, of=of), at).samples)

    def metrics(self, request: ExportMetricsServiceRequest, at: float) -> Normalised:
        return self.normaliser.metrics(request, at)

    def flush(self, now: float) -> dict[str, list[float]]:
        return self.values(self.normaliser.flush(now).samples)

    def values(self, samples: Samples) -> dict[str, list[float]]:
        result: dict[str, list[float]] = {}
        for slot, value in zip(samples.series, samples.values, strict=True):
            result.setdefault(str(self.registry.keys[slot]), []).append(round(float(value), 6))
        return result
