"""Finds out whose server answers a client's call: the server's span names the client's span as its parent."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from detector.incident import PeerKind
from detector.series import Calls, ServiceId

V = TypeVar("V")

_MAX_PAIRS = 10_000
_BUSY_SPANS_PER_S = 500.0
_BUSY_SHARE = 8
_LEFT_OUT = bytes([256 // _BUSY_SHARE])  # trace ids that end in this or more, where busy

_Sent = tuple[ServiceId, str, PeerKind, bool]  # caller, peer, kind, failed
_Received = tuple[ServiceId, bool]  # callee, failed


class _Fading(Generic[V]):
    """A dictionary that forgets: an entry lasts for one turn at least and two at most, or until `room` others
    came after it."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._new: dict[bytes, V] = {}
        self._old: dict[bytes, V] = {}

    def put(self, key: bytes, value: V) -> None:
        if len(self._new) >= self._room:
            self.turn()
        self._new[key] = value

    def get(self, key: bytes) -> V | None:
        return self._new.get(key) or self._old.get(key)

    def pop(self, key: bytes) -> V | None:
        return self._new.pop(key, None) or self._old.pop(key, None)

    def turn(self) -> None:
        self._old, self._new = self._new, {}


class CallPairs:
    """Pairs the two spans of a call, which come in different requests and in any order.

    Each waits for the other for `patience_s` to twice that, sooner forgotten where more than `room` of its
    kind wait. Where many spans come, only those of one trace in eight are paired, and count eightfold. What
    is missed costs little: callers count their calls themselves, pairs only tell who answers.
    """

    def __init__(self, *, room: int = 20_000, patience_s: float = 15.0) -> None:
        self._sent = _Fading[_Sent](room)
        self._received = _Fading[_Received](room)
        self._pairs: dict[tuple[ServiceId, str, PeerKind, ServiceId], list[int]] = {}
        self._patience_s = patience_s
        self._turn_at = 0.0
        self._taken_at = 0.0
        self._spans = 0
        self._busy = False

    def sent(self, span: Span, caller: ServiceId, peer: str, kind: PeerKind, failed: bool) -> None:
        """A client's or producer's span of `caller`; `peer` as it names the other side, or empty."""
        self._spans += 1
        trace_id = span.trace_id
        if self._busy and trace_id[-1:] >= _LEFT_OUT:
            return
        span_id = span.span_id
        if len(span_id) != 8:
            return
        key = trace_id + span_id
        received = self._received.pop(key)
        if received is not None:
            self._pair((caller, peer, kind, received[0]), failed or received[1])
        self._sent.put(key, (caller, peer, kind, failed))

    def received(self, span: Span, callee: ServiceId, failed: bool) -> None:
        """A server's or consumer's span of `callee`."""
        self._spans += 1
        trace_id = span.trace_id
        if self._busy and trace_id[-1:] >= _LEFT_OUT:
            return
        parent_id = span.parent_span_id
        if len(parent_id) != 8:
            return
        key = trace_id + parent_id
        sent = self._sent.get(key)
        if sent is not None:
            self._pair((sent[0], sent[1], sent[2], callee), failed or sent[3])
        else:
            self._received.put(key, (callee, failed))

    def take(self, now: float) -> Iterator[Calls]:
        """The pairs found since this was asked last."""
        if now >= self._turn_at:
            self._turn_at = now + self._patience_s
            self._sent.turn()
            self._received.turn()
        weight = _BUSY_SHARE if self._busy else 1
        pairs, self._pairs = self._pairs, {}
        for (caller, peer, kind, callee), (count, failed) in pairs.items():
            yield Calls(caller, peer, kind, callee, weight * count, weight * failed)
        self._busy = self._spans > _BUSY_SPANS_PER_S * (now - self._taken_at)
        self._taken_at, self._spans = now, 0

    def _pair(self, key: tuple[ServiceId, str, PeerKind, ServiceId], failed: bool) -> None:
        found = self._pairs.get(key)
        if found is None:
            if len(self._pairs) >= _MAX_PAIRS:
                return
            found = self._pairs[key] = [0, 0]
        found[0] += 1
        found[1] += failed
