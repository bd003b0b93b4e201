"""Requests that nobody honest would send: mutated, random, nested, packed and oversized ones.

Made from a seed: the same seed makes the same requests.
"""

import gzip
import json
import math
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
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

SIGNALS = ("metrics", "logs", "traces")
PROTOBUF, JSON = "application/x-protobuf", "application/json"
_NOW = 1_750_000_000_000_000_000
_MIB = 2**20
_BOMB_BYTES = 256 * _MIB
_LARGEST = 2**64 - 1
_BYTES = -1  # no type of C++: bytes and text are the same to it
_ODD: dict[int, tuple[Any, ...]] = {
    FieldDescriptor.CPPTYPE_DOUBLE: (math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 5e-324, -0.0),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, _LARGEST, 2**63),
    FieldDescriptor.CPPTYPE_INT64: (0, -1, 2**63 - 1, -(2**63)),
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT32: (0, -1, 2**31 - 1, -(2**31)),
    FieldDescriptor.CPPTYPE_ENUM: (0, -1, 99, 2**31 - 1),
    FieldDescriptor.CPPTYPE_BOOL: (False, True),
    FieldDescriptor.CPPTYPE_STRING: ("", "x" * 10_000, "\0\x1b[31m\u202e{}%s"),
    _BYTES: (b"", bytes(16), b"\xff" * 1_000),
}
_OVERSIZED_BYTES = (17 * _MIB, 32 * _MIB, 100_000_000)


@dataclass(frozen=True, slots=True)
class HostileRequest:
    """One of `kind`: a body for the service of `signal`, and how it says it is encoded.

    `to_pack`: the body is to be packed by whoever sends it. `headers` take the place of those that fit.
    """

    kind: str
    signal: str
    body: bytes
    content_type: str = PROTOBUF
    to_pack: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class HostileRequests:
    """Draws requests, for gRPC and for HTTP."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  # to be repeated, not to be secret
        self._messages = _templates()
        self._bodies = {signal: message.SerializeToString() for signal, message in self._messages.items()}
        self._texts = {signal: _as_json(message) for signal, message in self._messages.items()}
        _bomb()  # made now: a connection that waited for it would be closed as idle
        self._kinds: dict[bool, tuple[list[Callable[[str], HostileRequest]], list[float]]] = {
            False: (
                [
                    self._mutated,
                    self._odd,
                    self._random_bytes,
                    self._nested,
                    self._packed_by_sender,
                    self._oversized,
                ],
                [55, 25, 15, 5, 0.04, 0.02],
            ),
            True: (
                [
                    self._mutated,
                    self._odd,
                    self._random_bytes,
                    self._nested,
                    self._mutated_json,
                    self._mutated_gzip,
                    self._misnamed,
                    self._bombs,
                    self._oversized,
                ],
                [25, 15, 10, 5, 25, 15, 10, 0.1, 0.02],
            ),
        }

    def draw(self, *, by_http: bool) -> HostileRequest:
        """The next one."""
        makers, weights = self._kinds[by_http]
        (make,) = self._random.choices(makers, weights)
        return make(self._random.choice(SIGNALS))

    def _mutated(self, signal: str) -> HostileRequest:
        return HostileRequest("mutated", signal, self._mutate(self._bodies[signal]))

    def _odd(self, signal: str) -> HostileRequest:
        """It parses, and some of its values nobody means."""
        message = type(self._messages[signal]).FromString(self._bodies[signal])
        for of, value in self._random.sample(list(_scalars(message)), self._random.randrange(1, 7)):
            kind = _BYTES if value.type == value.TYPE_BYTES else value.cpp_type
            setattr(of, value.name, self._random.choice(_ODD[kind]))
        return HostileRequest("odd values", signal, message.SerializeToString())

    def _random_bytes(self, signal: str) -> HostileRequest:
        return HostileRequest("random", signal, self._random.randbytes(self._random.randrange(2_000)))

    def _nested(self, signal: str) -> HostileRequest:
        depth = self._random.choice((20, 90, 110, 1_000, 20_000))
        body = _lists_in_lists(depth)
        wrapped = _field(1, _field(2, _field(2, _field(5, body))))
        return HostileRequest("nested", signal, wrapped)

    def _packed_by_sender(self, signal: str) -> HostileRequest:
        return HostileRequest("bomb", signal, bytes(64 * _MIB), to_pack=True)

    def _oversized(self, signal: str) -> HostileRequest:
        return HostileRequest("oversized", signal, bytes(self._random.choice(_OVERSIZED_BYTES)))

    def _mutated_json(self, signal: str) -> HostileRequest:
        text = self._texts[signal]
        if self._random.random() < 0.1:
            depth = self._random.choice((50, 900, 100_000))
            return HostileRequest("nested JSON", signal, b'{"a":[' * depth, JSON)
        return HostileRequest("mutated JSON", signal, self._mutate(text), JSON)

    def _mutated_gzip(self, signal: str) -> HostileRequest:
        packed = gzip.compress(self._bodies[signal], mtime=0)
        if self._random.random() < 0.5:
            packed = gzip.compress(self._mutate(self._bodies[signal]), mtime=0)
        else:
            packed = self._mutate(packed)
        return HostileRequest("mutated gzip", signal, packed, headers={"content-encoding": "gzip"})

    def _bombs(self, signal: str) -> HostileRequest:
        body = _bomb() * self._random.choice((1, 8))
        kind = self._random.choice((PROTOBUF, JSON))
        return HostileRequest("bomb", signal, body, kind, headers={"content-encoding": "gzip"})

    def _misnamed(self, signal: str) -> HostileRequest:
        headers = self._random.choice(
            (
                {"content-type": JSON},
                {"content-type": "text/html"},
                {"content-encoding": "gzip"},
                {"content-encoding": self._random.choice(("br", "zstd", "gzip, gzip", "\xff"))},
                {"authorization": "Bearer " + "x" * self._random.randrange(4_000)},
                {"accept": "*" * 1_000, "content-type": PROTOBUF + ";" * 1_000},
            )
        )
        return HostileRequest("misnamed", signal, self._bodies[signal], headers=headers)

    def _mutate(self, body: bytes) -> bytes:
        draw, mutated = self._random, bytearray(body)
        for _ in range(draw.choice((1, 1, 1, 2, 8))):
            at = draw.randrange(len(mutated) + 1)
            match draw.randrange(5):
                case 0:
                    mutated[at : at + 1] = draw.randbytes(1)
                case 1:
                    mutated[at:at] = draw.randbytes(draw.randrange(1, 9))
                case 2:
                    del mutated[at : at + draw.randrange(1, 32)]
                case 3:
                    mutated[at:at] = mutated[at : at + draw.randrange(1, 64)] * draw.randrange(1, 8)
                case _:
                    mutated[at : at + 8] = draw.choice((b"\xff" * 8, b"\x7f" + b"\xff" * 7, bytes(8)))
        return bytes(mutated)


def _scalars(message: Message) -> Iterator[tuple[Message, FieldDescriptor]]:
    """Every single value in it that is set, with the message it stands in."""
    for described, value in message.ListFields():
        if described.message_type is not None:
            for each in value if described.is_repeated else [value]:
                yield from _scalars(each)
        elif not described.is_repeated:
            yield message, described


def _templates() -> dict[str, Any]:
    attributes = [
        _text("service.name", "hostile"),
        _text("http.route", "/basket"),
        KeyValue(key="size", value=AnyValue(int_value=7)),
        KeyValue(key="share", value=AnyValue(double_value=0.5)),
        KeyValue(key="raw", value=AnyValue(bytes_value=b"\x00\x01")),
    ]
    nested = AnyValue()
    nested.kvlist_value.values.add(key="list").value.array_value.values.add(bool_value=True)
    attributes.append(KeyValue(key="nested", value=nested))
    times: dict[str, Any] = {"start_time_unix_nano": _NOW - 10**9, "time_unix_nano": _NOW}
    exemplar = Exemplar(time_unix_nano=_NOW, as_double=1.5, trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    buckets = ExponentialHistogramDataPoint.Buckets(offset=3, bucket_counts=[1, 2, 3])
    of: dict[str, Any] = {"attributes": attributes}
    number = NumberDataPoint(as_double=1.5, exemplars=[exemplar], **times, **of)
    bounded = HistogramDataPoint(
        count=6, sum=9.0, bucket_counts=[1, 2, 3], explicit_bounds=[0.1, 1.0], min=0.1, max=5.0, **times, **of
    )
    exponential = ExponentialHistogramDataPoint(
        count=13, sum=9.0, scale=2, zero_count=1, positive=buckets, negative=buckets, **times, **of
    )
    quantile = SummaryDataPoint.ValueAtQuantile(quantile=0.99, value=2.0)
    summary = SummaryDataPoint(count=3, sum=4.0, quantile_values=[quantile], **times, **of)
    metrics = [
        Metric(name="system.memory.usage", unit="By", gauge=Gauge(data_points=[number, number])),
        Metric(
            name="http.server.requests",
            unit="{request}",
            sum=Sum(data_points=[number], aggregation_temporality=2, is_monotonic=True),  # type: ignore[arg-type]  # a number on the wire
        ),
        Metric(
            name="http.server.request.duration",
            unit="s",
            histogram=Histogram(data_points=[bounded], aggregation_temporality=1),  # type: ignore[arg-type]  # the same
        ),
        Metric(
            name="db.client.operation.duration",
            unit="s",
            exponential_histogram=ExponentialHistogram(data_points=[exponential], aggregation_temporality=2),  # type: ignore[arg-type]  # the same
        ),
        Metric(name="gc.pause", unit="s", summary=Summary(data_points=[summary])),
    ]
    resource, scope = Resource(attributes=attributes), InstrumentationScope(name="bench", version="1")
    record = LogRecord(
        time_unix_nano=_NOW,
        observed_time_unix_nano=_NOW,
        severity_number=17,  # type: ignore[arg-type]  # the same
        severity_text="ERROR",
        body=AnyValue(string_value="could not reach the basket: connection refused"),
        trace_id=b"\x01" * 16,
        span_id=b"\x02" * 8,
        **of,
    )
    span = Span(
        trace_id=b"\x01" * 16,
        span_id=b"\x02" * 8,
        parent_span_id=b"\x03" * 8,
        name="GET /basket",
        kind=3,  # type: ignore[arg-type]  # the same
        start_time_unix_nano=_NOW - 10**9,
        end_time_unix_nano=_NOW,
        events=[Span.Event(name="exception", time_unix_nano=_NOW, **of)],
        links=[Span.Link(trace_id=b"\x04" * 16, span_id=b"\x05" * 8, **of)],
        status=Status(code=2, message="refused"),  # type: ignore[arg-type]  # the same
        **of,
    )
    return {
        "metrics": ExportMetricsServiceRequest(
            resource_metrics=[
                ResourceMetrics(resource=resource, scope_metrics=[ScopeMetrics(scope=scope, metrics=metrics)])
            ]
        ),
        "logs": ExportLogsServiceRequest(
            resource_logs=[
                ResourceLogs(resource=resource, scope_logs=[ScopeLogs(scope=scope, log_records=[record] * 3)])
            ]
        ),
        "traces": ExportTraceServiceRequest(
            resource_spans=[
                ResourceSpans(resource=resource, scope_spans=[ScopeSpans(scope=scope, spans=[span] * 3)])
            ]
        ),
    }


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(_BOMB_BYTES), mtime=0)


def _as_json(message: Any) -> bytes:
    text = MessageToJson(message, use_integers_for_enums=True)
    return json.dumps(json.loads(text, object_hook=_with_ids_in_hex)).encode()


def _with_ids_in_hex(found: dict[str, Any]) -> dict[str, Any]:
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in found:
            found[name] = b64decode(found[name]).hex()
    return found


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _lists_in_lists(depth: int) -> bytes:
    """An AnyValue that is a list with one value, which is a list with one value, and so on."""
    heads: list[bytes] = []
    size = 0
    for _ in range(depth):
        for number in (1, 5):  # ArrayValue.values, AnyValue.array_value
            heads.append(_head(number, size))
            size += len(heads[-1])
    return b"".join(reversed(heads))


def _field(number: int, content: bytes) -> bytes:
    """A field of protobuf that holds bytes or a message."""
    return _head(number, len(content)) + content


def _head(number: int, size: int) -> bytes:
    head = bytearray([number << 3 | 2])
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head)
