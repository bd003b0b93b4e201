"""Metrics requests as bytes, made fast from one template: times, values and the service's name are replaced.

A request has 1,000 points of one service: 10 gauges, each with 100 sets of 6 attributes, 210 bytes a point.
"""

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

POINTS_EACH = 1_000
_METRICS = 10
_NAME = "bench-ingest-{:06d}"
_TIME = 0x0102_0304_0506_0708  # stands nowhere else in the template, as its eight bytes all differ
_VALUE = np.frombuffer(bytes(range(0x41, 0x49)), "<f8")[0]
_LEVEL, _NOISE = 0.4, 0.02  # of a service in which all is well
_INSTRUMENTS = (
    "http.server.active_requests", "process.cpu.utilization", "process.memory.usage",
    "db.client.connection.count", "messaging.queue.depth", "jvm.thread.count", "cache.entries",
    "thread_pool.active", "process.open_file_descriptor.count", "app.sessions",
)  # fmt: skip


class Load:
    """Points of `series` series (a multiple of 1,000), one of each in a round."""

    def __init__(self, series: int, seed: int = 1) -> None:
        self.services = series // POINTS_EACH
        self._rng = np.random.default_rng(seed)
        template = _request().SerializeToString()
        self._template = np.frombuffer(template, np.uint8)
        self._times = _places(template, _TIME.to_bytes(8, "little"))
        self._values = _places(template, _VALUE.tobytes())
        self._names = _places(template, _NAME.format(0).encode(), POINTS_EACH)
        noise = self._rng.normal(_LEVEL, _NOISE, (64, POINTS_EACH))
        self._noise = noise.astype("<f8").view(np.uint8).reshape(64, POINTS_EACH, 8)

    def round(self, at_ns: int | None = None) -> Iterator[bytes]:
        """One request of each service; its points were measured at `at_ns`, without it now."""
        for service in range(self.services):
            body = self._template.copy()
            moment = time.time_ns() if at_ns is None else at_ns
            body[self._times] = np.frombuffer(moment.to_bytes(8, "little"), np.uint8)
            body[self._values] = self._noise[self._rng.integers(64)]
            body[self._names] = np.frombuffer(_NAME.format(service).encode(), np.uint8)
            yield body.tobytes()


def _places(template: bytes, wanted: bytes, most: int = POINTS_EACH) -> NDArray[np.intp]:
    """Indices of the bytes of each place where `wanted` stands: [places, len(wanted)]."""
    found: list[int] = []
    at = template.find(wanted)
    while at >= 0 and len(found) < most:
        found.append(at)
        at = template.find(wanted, at + len(wanted))
    return np.array(found, dtype=np.intp)[:, np.newaxis] + np.arange(len(wanted))


def _request() -> ExportMetricsServiceRequest:
    metrics = [
        Metric(name=name, unit="1", gauge=Gauge(data_points=[_point(number) for number in range(100)]))
        for name in _INSTRUMENTS
    ]
    service = _NAME.format(0)
    resource = Resource(attributes=[_text("service.name", service), _text("service.instance.id", service)])
    scope = ScopeMetrics(metrics=metrics)
    return ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope])]
    )


def _point(number: int) -> NumberDataPoint:
    attributes = {
        "http.request.method": "GET",
        "http.route": f"/api/v1/things/{number:03d}",
        "http.response.status_code": "200",
        "server.address": "shop.example",
        "url.scheme": "https",
        "deployment.zone": f"zone-{number % 3}",
    }
    return NumberDataPoint(
        time_unix_nano=_TIME,
        as_double=float(_VALUE),
        attributes=[_text(key, value) for key, value in attributes.items()],
    )


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))
