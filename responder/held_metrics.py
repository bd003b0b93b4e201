"""Metrics of what the responder holds: incidents, notifications, the runbook. Read when they are exported."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry.metrics import MeterProvider, Observation

from detector import IncidentType
from detector.hosting.registry import Metric, histogram, observe
from responder import telemetry_registry as told
from responder.incident_record import PipelineState
from responder.learn import Runbook
from responder.redaction import sanitised
from responder.store import StoreUnavailableError, Tallies

_LOG = logging.getLogger(__name__)
_SERVICES = 50
_OTHERS = "other"
_MAX_NAME = 100


class StoreMetrics:
    """Measures the store; made before it."""

    def __init__(self, provider: MeterProvider) -> None:
        self._wait = histogram(provider.get_meter(told.SCOPE), told.WRITE_WAIT)

    def waited(self, seconds: float) -> None:
        """A writing transaction began after so long."""
        self._wait.record(seconds)


def observe_what_is_held(
    provider: MeterProvider,
    tallies: Tallies,
    runbook: Runbook,
    channels: Sequence[str],
    queued: Callable[[], int],
) -> None:
    """Emit the metrics, for as long as `provider` lives. While the store is away they are left out."""
    meter = provider.get_meter(told.SCOPE)

    def emit(metric: Metric, read: Callable[[], Iterable[Observation]]) -> None:
        observe(meter, metric, lambda: _while_the_store_is_there(metric, read))

    emit(told.INCIDENTS_STORED, lambda: _by_state_and_type(tallies.incidents()))
    emit(told.SERVICE_INCIDENTS, lambda: _by_service(tallies.service_incidents(_SERVICES, _OTHERS)))
    emit(told.NOTIFICATIONS_PENDING, lambda: _by_channel(channels, tallies.notifications()))
    emit(told.RUNBOOK_ENTRIES, lambda: _by_type({t: n for t, (n, _) in runbook.sizes().items()}))
    emit(told.RUNBOOK_LESSONS, lambda: _by_type({t: n for t, (_, n) in runbook.sizes().items()}))
    emit(told.STORE_SIZE, lambda: [Observation(tallies.size_bytes())])
    emit(told.QUEUE_DEPTH, lambda: [Observation(queued())])


def _while_the_store_is_there(
    metric: Metric, read: Callable[[], Iterable[Observation]]
) -> Iterable[Observation]:
    try:
        return read()
    except StoreUnavailableError as error:
        _LOG.warning("%s is left out: %s", metric.name, error)
        return ()


def _by_state_and_type(counts: Mapping[tuple[PipelineState, IncidentType], int]) -> list[Observation]:
    return [
        Observation(counts.get((state, kind), 0), {told.STATE.name: state.value, told.TYPE.name: kind.value})
        for state in PipelineState
        for kind in IncidentType
    ]


def _by_service(counts: Mapping[tuple[str, PipelineState], int]) -> list[Observation]:
    return [
        Observation(
            count,
            {told.INCIDENT_SERVICE.name: sanitised(service, _MAX_NAME), told.STATE.name: state.value},
        )
        for (service, state), count in counts.items()
    ]


def _by_channel(channels: Iterable[str], counts: Mapping[str, int]) -> list[Observation]:
    return [Observation(counts.get(channel, 0), {told.CHANNEL.name: channel}) for channel in channels]


def _by_type(counts: Mapping[IncidentType, int]) -> list[Observation]:
    return [Observation(counts.get(kind, 0), {told.TYPE.name: kind.value}) for kind in IncidentType]
