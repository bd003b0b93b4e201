"""Where responders send their spans in the crash benches: an OTLP/HTTP server that keeps their traces."""

import threading
from collections import defaultdict

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from aegisops.bench.local_server import LocalServer

_INCIDENT = "aegisops.incident.id"


class Traces(LocalServer):
    """Takes spans in while it is entered."""

    def __init__(self) -> None:
        super().__init__("application/x-protobuf")
        self._seen: defaultdict[str, set[str]] = defaultdict(set)
        self._guard = threading.Lock()

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """An export of spans."""
        del path
        self.take(ExportTraceServiceRequest.FromString(body))
        return 200, ExportTraceServiceResponse().SerializeToString()

    @property
    def variables(self) -> dict[str, str]:
        """What has a process send its spans here, at once, as what it holds dies with it."""
        return {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{self.url}/v1/traces",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Keep which traces the spans about incidents are of."""
        with self._guard:
            for resource_spans in request.resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    for span in scope_spans.spans:
                        for attribute in span.attributes:
                            if attribute.key == _INCIDENT:
                                self._seen[attribute.value.string_value].add(span.trace_id.hex())

    def of(self, incident_id: str) -> set[str]:
        """The traces that spans of this incident came in."""
        with self._guard:
            return set(self._seen[incident_id])
