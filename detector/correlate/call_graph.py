"""Who calls whom, how often and how well, over the last minute.

The caller counts its calls by the address it calls; the pairs of spans tell which service answers there.
So a service that is down is still known as the one that is called, and calls that reach nobody count.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from detector.incident import PeerKind
from detector.series import Calls, ServiceId

WINDOW_S = 60.0
_SLICE_S = 10.0
_SLICES = round(WINDOW_S / _SLICE_S)


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls of `caller` in the last minute, `failed` of `calls` did. `callee` is None where the other side
    sends no telemetry that would tell; it is then known as `peer` only, as the caller names it."""

    caller: ServiceId
    callee: ServiceId | None
    peer: str
    kind: PeerKind
    calls: int
    failed: int
    last_call: float


@dataclass(slots=True)
class _Lately:
    """Counts in slices of time, the newest first."""

    counts: deque[int] = field(default_factory=lambda: deque([0], _SLICES))
    failed: deque[int] = field(default_factory=lambda: deque([0], _SLICES))
    slice: int = 0
    last_call: float = 0.0

    def add(self, count: int, failed: int, now: float) -> None:
        self.pass_time(now)
        self.counts[0] += count
        self.failed[0] += failed
        if count:
            self.last_call = now

    def pass_time(self, now: float) -> None:
        current = int(now // _SLICE_S)
        for _ in range(min(current - self.slice, _SLICES)):
            self.counts.appendleft(0)
            self.failed.appendleft(0)
        self.slice = max(self.slice, current)


@dataclass(slots=True)
class _Called:
    """What one caller calls by one name: all calls, and those of them that services were seen to answer."""

    heard: float = 0.0
    lately: _Lately = field(default_factory=_Lately)
    behind: dict[ServiceId, _Lately] = field(default_factory=dict)


_Key = tuple[ServiceId, str, PeerKind]


class CallGraph:
    """Learns edges from windows of calls.

    Bounded: `max_called` names that services call (those not called for longest make room), `max_peers` of
    one caller and `max_behind` services behind one name (further ones are left out). What was not called
    for `forget_after_s` is forgotten by `sweep`.

    `is_service` tells whether a service sends telemetry: a name without port that is its `service.name` is
    taken for it.
    """

    def __init__(
        self,
        is_service: Callable[[ServiceId], bool],
        *,
        max_called: int = 10_000,
        max_peers: int = 200,
        max_behind: int = 16,
        forget_after_s: float = 900.0,
    ) -> None:
        self._is_service = is_service
        self._max_called = max_called
        self._max_peers = max_peers
        self._max_behind = max_behind
        self._forget_after_s = forget_after_s
        self._called: OrderedDict[_Key, _Called] = OrderedDict()
        self._peers: dict[ServiceId, int] = {}

    def __len__(self) -> int:
        return len(self._called)

    def add(self, windows: Iterable[Calls], now: float) -> None:
        """Take in what windows of spans came to."""
        for one in windows:
            called = self._of((one.caller, one.peer, one.kind))
            if called is None:
                continue
            called.heard = now
            if one.callee is None:
                called.lately.add(one.count, one.failed, now)
                continue
            if not one.peer:  # the caller does not count these by a name
                called.lately.add(one.count, one.failed, now)
            behind = called.behind.get(one.callee)
            if behind is None:
                if len(called.behind) >= self._max_behind:
                    continue
                behind = called.behind[one.callee] = _Lately()
            behind.add(one.count, one.failed, now)

    def callees(self, caller: ServiceId, now: float) -> list[Edge]:
        """Whom `caller` calls, each once, the busiest first. A service never counts as its own neighbour."""
        return self._edges(lambda key, _: key[0] == caller, lambda edge: edge.callee != caller, now)

    def callers(self, callee: ServiceId, now: float) -> list[Edge]:
        """Who calls `callee`, each once, the busiest first."""
        return self._edges(
            lambda key, called: callee in called.behind or self._named(key) == callee,
            lambda edge: edge.callee == callee != edge.caller,
            now,
        )

    def sweep(self, now: float) -> None:
        """Forget what was not called for long."""
        while self._called:
            key, called = next(iter(self._called.items()))
            if now - called.heard <= self._forget_after_s:
                break
            self._forget(key)

    def _of(self, key: _Key) -> _Called | None:
        called = self._called.get(key)
        if called is None:
            peers = self._peers.get(key[0], 0)
            if peers >= self._max_peers:
                return None
            if len(self._called) >= self._max_called:
                self._forget(next(iter(self._called)))
            called = self._called[key] = _Called()
            self._peers[key[0]] = peers + 1
        self._called.move_to_end(key)
        return called

    def _forget(self, key: _Key) -> None:
        del self._called[key]
        self._peers[key[0]] -= 1
        if not self._peers[key[0]]:
            del self._peers[key[0]]

    def _edges(
        self, may_be: Callable[[_Key, _Called], bool], wanted: Callable[[Edge], bool], now: float
    ) -> list[Edge]:
        found: dict[tuple[ServiceId, ServiceId | str, PeerKind], Edge] = {}
        for key, called in self._called.items():
            if not may_be(key, called):
                continue
            for edge in self._resolved(key, called, now):
                if wanted(edge):
                    end = (edge.caller, edge.callee or edge.peer, edge.kind)
                    found[end] = _together(found[end], edge) if end in found else edge
        return sorted(found.values(), key=lambda edge: -edge.calls)

    def _resolved(self, key: _Key, called: _Called, now: float) -> list[Edge]:
        """One name that is called as edges.

        Where one service alone answers to it, all calls are calls of that one; where several do, each has
        those it was seen to answer, beside all of the name.
        """
        behind = called.behind or dict.fromkeys(filter(None, [self._named(key)]), called.lately)
        if len(behind) == 1:
            return [_edge(key, next(iter(behind)), called.lately, now)]
        edges = [_edge(key, callee, lately, now) for callee, lately in behind.items()]
        return [*edges, _edge(key, None, called.lately, now)] if key[1] else edges

    def _named(self, key: _Key) -> ServiceId | None:
        """The service whose `service.name` the caller uses as address, in its own namespace or in none."""
        caller, peer, kind = key
        if kind is not PeerKind.SERVICE:
            return None
        host = peer.rpartition(":")[0] or peer
        named = (ServiceId(namespace, host) for namespace in (caller.namespace, ""))
        return next((service for service in named if self._is_service(service)), None)


def _edge(key: _Key, callee: ServiceId | None, lately: _Lately, now: float) -> Edge:
    lately.pass_time(now)
    return Edge(key[0], callee, key[1], key[2], sum(lately.counts), sum(lately.failed), lately.last_call)


def _together(one: Edge, other: Edge) -> Edge:
    return Edge(
        one.caller,
        one.callee,
        one.peer,
        one.kind,
        one.calls + other.calls,
        one.failed + other.failed,
        max(one.last_call, other.last_call),
    )
