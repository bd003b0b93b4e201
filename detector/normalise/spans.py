"""Spans: how many, how long, how many failed, by what they do and whom they call; examples as notices."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from detector.incident import PeerKind
from detector.normalise.arrival_window import ArrivalWindow
from detector.normalise.attributes import OVERFLOW, AttributeLimits
from detector.normalise.call_pairs import CallPairs
from detector.normalise.decode import SECONDS, spelling
from detector.normalise.instances import Instance
from detector.normalise.peer import peer_of
from detector.normalise.sample_columns import SampleColumns
from detector.normalise.untrusted_text import clean
from detector.series import Calls, Origin, SeriesKey, SpanNotice, Stat

MAX_NAME = 128
MAX_DURATIONS = 4096
_KINDS = {
    Span.SPAN_KIND_SERVER: "span.server",
    Span.SPAN_KIND_CLIENT: "span.client",
    Span.SPAN_KIND_PRODUCER: "span.producer",
    Span.SPAN_KIND_CONSUMER: "span.consumer",
}
_DB = "span.db"
_CALLED = {"span.client": PeerKind.SERVICE, "span.producer": PeerKind.QUEUE, _DB: PeerKind.DATABASE}
_FAILED_EXAMPLES = 2
_SLOW_EXAMPLES = 1
_STATUS_CODES = ("http.response.status_code", "http.status_code")


@dataclass(slots=True)
class _Tally:
    """The spans of one kind and peer in one window. Of more than `MAX_DURATIONS` the last ones are kept."""

    count: int = 0
    failed: int = 0
    durations: list[float] = field(default_factory=list)
    failures: list[SpanNotice] = field(default_factory=list)
    slowest: list[tuple[float, int, SpanNotice]] = field(default_factory=list)

    def add(self, duration: float, error: bool) -> None:
        if len(self.durations) < MAX_DURATIONS:
            self.durations.append(duration)
        else:
            self.durations[self.count % MAX_DURATIONS] = duration
        self.count += 1
        self.failed += error

    def wants(self, duration: float, error: bool) -> bool:
        """Whether such a span would be kept as an example."""
        if error and len(self.failures) < _FAILED_EXAMPLES:
            return True
        return len(self.slowest) < _SLOW_EXAMPLES or duration > self.slowest[0][0]

    def keep(self, notice: SpanNotice) -> None:
        if notice.error and len(self.failures) < _FAILED_EXAMPLES:
            self.failures.append(notice)
            return
        heapq.heappush(self.slowest, (notice.duration_s, self.count, notice))
        if len(self.slowest) > _SLOW_EXAMPLES:
            heapq.heappop(self.slowest)

    def examples(self) -> Iterator[SpanNotice]:
        yield from self.failures
        yield from (notice for _, _, notice in self.slowest)


_Attributes = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Window:
    """The window of one instance; `known` are the series that are 0 while no such span comes."""

    arrival: ArrivalWindow
    tallies: dict[tuple[str, _Attributes], _Tally] = field(default_factory=dict)
    known: set[tuple[str, _Attributes]] = field(default_factory=set)


class SpanReader:
    """Reads spans into windows by kind and peer.

    Series `span.server`, `span.client`, `span.db` (client spans with `db.*` attributes), `span.consumer`,
    `span.producer`, with attribute `peer` where they have one; MEAN and P95 (seconds), COUNT_RATE and
    ERROR_RATIO per instance and window (see `ArrivalWindow`). Of a kind and peer known from the instance
    that was not met in a window only COUNT_RATE 0 is told. Failed is a span with status ERROR or an HTTP
    status code from 500 on. Internal spans are not counted. Examples come with the closing of a window:
    per kind and peer at most two failed ones and the slowest.
    """

    def __init__(self, attributes: AttributeLimits, *, window_s: float, idle_s: float) -> None:
        self._attributes = attributes
        self._window_s = window_s
        self._idle_s = idle_s
        self._windows: dict[int, tuple[Instance, _Window]] = {}
        self._pairs = CallPairs()

    def read(self, of_resource: ResourceSpans, instance: Instance, received_at: float) -> None:
        """Count the spans of one resource in their windows."""
        spans = [span for of_scope in of_resource.scope_spans for span in of_scope.spans]
        usable = [span for span in spans if span.end_time_unix_nano and span.kind in _KINDS]
        if not usable:
            return
        known = self._windows.get(instance.slot)
        if known is None or known[0] is not instance:
            known = (instance, _Window(ArrivalWindow(self._window_s, self._idle_s)))
            self._windows[instance.slot] = known
        window = known[1]
        window.arrival.arrived(received_at, min(_end(span, received_at) for span in usable))
        for span in usable:
            self._count(span, instance, window, received_at)

    def flush(self, now: float, out: SampleColumns) -> tuple[list[SpanNotice], list[Calls]]:
        """Add what the windows that are over come to; their examples, and who called whom."""
        examples: list[SpanNotice] = []
        calls = list(self._pairs.take(now))
        for instance, window in self._windows.values():
            seconds = window.arrival.closed(now, instance.alive(now))
            if seconds is None:
                continue
            for name, attributes in window.known - window.tallies.keys():
                key = _key(instance, name, attributes, Stat.COUNT_RATE, "{span}")
                out.add_to(key, instance.slot, now, 0.0)
            for (name, attributes), tally in window.tallies.items():
                for stat, unit, value in _statistics(tally, seconds):
                    out.add_to(_key(instance, name, attributes, stat, unit), instance.slot, now, value)
                examples.extend(tally.examples())
                peer = dict(attributes).get("peer")
                if peer and name in _CALLED:
                    service = instance.id.service
                    calls.append(Calls(service, peer, _CALLED[name], None, tally.count, tally.failed))
            window.known.update(window.tallies)
            window.tallies.clear()
        return examples, calls

    def forget(self, slot: int) -> None:
        """Drop the windows of an instance."""
        self._windows.pop(slot, None)

    def _count(self, span: Span, instance: Instance, window: _Window, received_at: float) -> None:
        attributes = dict(spelling(span.attributes))
        name, peer = _KINDS[span.kind], ""
        if span.kind != Span.SPAN_KIND_SERVER:
            peer = clean(peer_of(attributes, client=span.kind == Span.SPAN_KIND_CLIENT), MAX_NAME)
        if span.kind == Span.SPAN_KIND_CLIENT and any(key.startswith("db.") for key in attributes):
            name = _DB
        series_attributes: _Attributes = (("peer", peer),) if peer else ()
        if (name, series_attributes) not in window.tallies:
            kept = self._attributes.kept(instance.id.service, name, series_attributes)
            series_attributes = kept.attributes if kept is not None else OVERFLOW
        tally = window.tallies.setdefault((name, series_attributes), _Tally())
        duration = max(span.end_time_unix_nano - span.start_time_unix_nano, 0) * SECONDS
        if not span.start_time_unix_nano:
            duration = 0.0
        error = _failed(span, attributes)
        tally.add(duration, error)
        if name not in _CALLED:
            self._pairs.received(span, instance.id.service, error)
        elif name != _DB:  # of a database no server's span comes
            self._pairs.sent(span, instance.id.service, peer, _CALLED[name], error)
        if tally.wants(duration, error):
            tally.keep(
                SpanNotice(
                    service=instance.id.service,
                    instance=instance.id,
                    time=_end(span, received_at),
                    name=clean(span.name, MAX_NAME),
                    kind=int(span.kind),
                    duration_s=duration,
                    error=error,
                    trace_id=span.trace_id.hex() if len(span.trace_id) == 16 else "",
                    peer=peer,
                )
            )


def _key(instance: Instance, name: str, attributes: _Attributes, stat: Stat, unit: str) -> SeriesKey:
    return SeriesKey(instance.id.service, name, stat, unit, Origin.SPAN, attributes)


def _statistics(tally: _Tally, seconds: float) -> Iterator[tuple[Stat, str, float]]:
    durations = np.array(tally.durations)
    yield Stat.MEAN, "s", float(durations.mean())
    yield Stat.P95, "s", float(np.quantile(durations, 0.95))
    yield Stat.COUNT_RATE, "{span}", tally.count / seconds
    yield Stat.ERROR_RATIO, "1", tally.failed / tally.count


def _failed(span: Span, attributes: dict[str, str]) -> bool:
    if span.status.code == Status.STATUS_CODE_ERROR:
        return True
    code = next((attributes[key] for key in _STATUS_CODES if key in attributes), "")
    return len(code) == 3 and code.isascii() and code.isdigit() and code >= "500"


def _end(span: Span, received_at: float) -> float:
    """When it ended, within a minute before its receipt; else the time of receipt."""
    end = span.end_time_unix_nano * SECONDS
    return end if math.isfinite(end) and 0.0 <= received_at - end <= 60.0 else received_at
