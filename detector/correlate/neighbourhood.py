"""The neighbours of a service by its calls, and how they are."""

from collections.abc import Callable

from detector.correlate.call_graph import CallGraph, Edge
from detector.correlate.service_state import ServiceState
from detector.incident import Neighbour, Neighbours
from detector.series import ServiceId

SHOWN = 50

_FindService = Callable[[ServiceId], ServiceState | None]


def neighbours_of(service: ServiceId, calls: CallGraph, find: _FindService, now: float) -> Neighbours:
    """At most `SHOWN` callers and `SHOWN` callees; those in an incident first, then the busiest."""
    callers = [_neighbour(edge, edge.caller, find, now) for edge in calls.callers(service, now)]
    callees = [_neighbour(edge, edge.callee, find, now) for edge in calls.callees(service, now)]
    return Neighbours(service.name, service.namespace, _first(callers), _first(callees))


def _first(found: list[Neighbour]) -> tuple[Neighbour, ...]:
    found.sort(key=lambda one: (one.open_incident is None, -one.calls))
    return tuple(found[:SHOWN])


def _neighbour(edge: Edge, other: ServiceId | None, find: _FindService, now: float) -> Neighbour:
    state = find(other) if other is not None else None
    return Neighbour(
        name=other.name if other is not None else edge.peer,
        namespace=other.namespace if other is not None else "",
        kind=edge.kind,
        known=other is not None,
        calls=edge.calls,
        failed=edge.failed,
        last_call=edge.last_call,
        reporting=state is not None and state.life.reporting(now),
        open_incident=state.live.id if state is not None and state.live is not None else None,
    )
