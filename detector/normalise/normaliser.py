"""OTLP requests in, samples, heartbeats and notices out: the front of this room."""

from collections.abc import Iterable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from detector.normalise.attributes import AttributeLimits
from detector.normalise.instances import Instances
from detector.normalise.log_templates import LogTemplates
from detector.normalise.logs import LogReader
from detector.normalise.metrics import MetricReader
from detector.normalise.sample_columns import SampleColumns
from detector.normalise.shares import ShareRules
from detector.normalise.spans import SpanReader
from detector.series import Heartbeat, LogNotice, Normalised, SeriesRegistry

_FORGET_EVERY_S = 10.0

_Heard = dict[tuple[int, int | None], Heartbeat]
"""One heartbeat for each instance and process in a request."""


class Normaliser:
    """Makes comparable numbers of telemetry. Not thread-safe: called from the one worker thread.

    Nothing a request holds makes it raise. Metrics give their samples at once; logs and spans are counted
    in windows that `flush` closes, and give heartbeats (and logs their notices) at once; who calls whom
    comes with the windows of spans. Bounded: each
    instance by `max_streams`, each service's metric by `max_attribute_sets`, a service by `max_metrics`
    and `max_templates`, instances by the registry; an instance unheard for `forget_after_s` is forgotten
    (its series keep their slots).

    `window_s`: least length of a window of logs or spans. `idle_s`: how long nothing must arrive before
    that counts as silence. `max_skew_s`: a sender's time further than this from the time of receipt is
    replaced by it. `ignored_services`: names whose telemetry is dropped without a trace.
    """

    def __init__(
        self,
        registry: SeriesRegistry,
        *,
        ignored_services: Iterable[str] = (),
        window_s: float = 1.0,
        idle_s: float = 3.0,
        max_skew_s: float = 60.0,
        max_attribute_sets: int = 200,
        max_metrics: int = 2000,
        max_streams: int = 20_000,
        max_templates: int = 200,
        max_notices: int = 200,
        forget_after_s: float = 600.0,
    ) -> None:
        attributes = AttributeLimits(max_attribute_sets, max_metrics)
        self._attributes = attributes
        self._instances = Instances(registry, frozenset(ignored_services), forget_after_s)
        self._metrics = MetricReader(
            registry, attributes, ShareRules.load(), max_streams=max_streams, max_skew_s=max_skew_s
        )
        self._logs = LogReader(
            LogTemplates(max_templates), window_s=window_s, idle_s=idle_s, max_notices=max_notices
        )
        self._spans = SpanReader(attributes, window_s=window_s, idle_s=idle_s)
        self._out = SampleColumns(registry)
        self._forget_at = 0.0

    def metrics(self, request: ExportMetricsServiceRequest, received_at: float) -> Normalised:
        """The samples of a metrics request, and a heartbeat for each instance in it."""
        heard: _Heard = {}
        for of_resource in request.resource_metrics:
            instance = self._instances.of(of_resource.resource, received_at)
            if instance is not None:
                self._metrics.read(of_resource, instance, received_at, self._out)
                heard[instance.slot, instance.pid] = instance.heartbeat(received_at)
        return self._normalised(heard)

    def logs(self, request: ExportLogsServiceRequest, received_at: float) -> Normalised:
        """The notices of a logs request, and a heartbeat for each instance in it."""
        heard: _Heard = {}
        notices: list[LogNotice] = []
        for of_resource in request.resource_logs:
            instance = self._instances.of(of_resource.resource, received_at)
            if instance is not None:
                notices += self._logs.read(of_resource, instance, received_at)
                heard[instance.slot, instance.pid] = instance.heartbeat(received_at)
        normalised = self._normalised(heard)
        normalised.logs = notices
        return normalised

    def traces(self, request: ExportTraceServiceRequest, received_at: float) -> Normalised:
        """A heartbeat for each instance in a traces request; its spans wait for their window to close."""
        heard: _Heard = {}
        for of_resource in request.resource_spans:
            instance = self._instances.of(of_resource.resource, received_at)
            if instance is not None:
                self._spans.read(of_resource, instance, received_at)
                heard[instance.slot, instance.pid] = instance.heartbeat(received_at)
        return self._normalised(heard)

    def flush(self, now: float) -> Normalised:
        """What the windows that are over by `now` come to. To be called every quarter of a second or so."""
        self._logs.flush(now, self._out)
        examples, calls = self._spans.flush(now, self._out)
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY_S
            for slot in self._instances.forget_silent(now):
                self._metrics.forget(slot)
                self._logs.forget(slot)
                self._spans.forget(slot)
        return Normalised(self._out.take(), spans=examples, calls=calls)

    @property
    def counters(self) -> dict[str, int]:
        """What was left out so far, by reason; all in points, records or attribute sets since the start."""
        return {
            "unusable_points": self._metrics.unusable,
            "dropped_points": self._metrics.dropped,
            "overflowed_attribute_sets": self._attributes.overflowed,
            "refused_metrics": self._attributes.refused,
            "refused_resources": self._instances.dropped,
            "unnoticed_log_records": self._logs.unnoticed,
        }

    def _normalised(self, heard: _Heard) -> Normalised:
        return Normalised(self._out.take(), heartbeats=list(heard.values()))
