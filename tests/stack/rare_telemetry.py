"""What detector and responder tell in cases that a short run with one healed fault does not bring about, told
by their own code to the Collector of that run."""

from concurrent.futures import Future
from typing import Any

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from detector.incident import Incident, SeriesHealth, ServiceHealth, SignalHealth
from detector.report.service_metrics import Seen, ServiceMetrics
from responder.telemetry import PipelineMetrics

RARE = {
    "aegisops_responder_errors_total": "an error that the pipeline outlives",
    "aegisops_evidence_low": "evidence of a value below what is normal; no fault of the app lowers one",
    "aegisops_signal_time_to_limit_seconds": "a trend towards a limit that goes on for some time",
}
"""Metrics, and what it takes to have them."""


class _Answers:
    alive = True

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def ask(self, question: Any) -> "Future[Any]":
        answer: Future[Any] = Future()
        answer.set_result(self._seen)
        return answer


def tell(endpoint: str, incident: Incident) -> None:
    """Sends `RARE` to an OTLP gRPC endpoint, as of `incident` and its service."""
    resource = Resource({"service.namespace": "aegisops", "service.name": "rare", "service.instance.id": "1"})
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint, insecure=True), 60_000)
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    signal = SignalHealth("memory", "By", 3.0, 1.0, 2.0, normal=False, seconds_to_limit=30.0)
    service = ServiceHealth("s", "n", ("i",), True, True, incident.opened_at, 1, incident.id, (signal,))
    evidence = incident.evidence[0]
    low = SeriesHealth(evidence.series, evidence.signal, evidence.unit, 1.0, 2.0, None, normal=False, age_s=0)
    ServiceMetrics(provider, _Answers(Seen((service,), ((incident, evidence, low),))), lambda: 0.0)
    PipelineMetrics(provider).outlived("tests", ValueError())
    provider.shutdown()
