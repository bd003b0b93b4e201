"""Metrics of what the detector sees: the signals of services, and the evidence of open incidents."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opentelemetry.metrics import MeterProvider, Observation
from opentelemetry.util.types import AttributeValue

from detector.hosting.registry import Metric, observe
from detector.incident import Evidence, Incident, IncidentState, SeriesHealth, ServiceHealth, SignalHealth
from detector.report import telemetry_registry as told
from detector.report.queries import Knowledge, Oracle, OracleBusyError

log = logging.getLogger(__name__)

MAX_SERVICES = 100
MAX_INCIDENTS = 20
MAX_EVIDENCE = 8
_MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. `evidence`: of open incidents, the newest first, with the health of its series now."""

    services: tuple[ServiceHealth, ...] = ()
    evidence: tuple[tuple[Incident, Evidence, SeriesHealth], ...] = ()


def look(knowledge: Knowledge, now: float) -> Seen:
    """What there is to tell, within bounds: services in an incident come first, then by name."""
    services = sorted(
        knowledge.services(now), key=lambda one: (one.open_incident is None, one.namespace, one.service)
    )
    evidence: list[tuple[Incident, Evidence, SeriesHealth]] = []
    for incident in knowledge.incidents(IncidentState.OPEN)[:MAX_INCIDENTS]:
        recovery = knowledge.recovery(incident.id, now)
        raising = {} if recovery is None else {health.series: health for health in recovery.series}
        found = [(incident, one, raising[one.series]) for one in incident.evidence if one.series in raising]
        evidence += found[:MAX_EVIDENCE]
    return Seen(tuple(services[:MAX_SERVICES]), tuple(evidence))


class ServiceMetrics:
    """Asks the oracle on the exporter's thread, once for all metrics of an export.

    `monotonic`: seconds that never go back. Where the oracle does not answer within `patience_s`, that
    export tells of no service.
    """

    def __init__(
        self,
        provider: MeterProvider,
        oracle: Oracle,
        monotonic: Callable[[], float],
        patience_s: float = 1.0,
        fresh_s: float = 0.2,
    ) -> None:
        self._oracle = oracle
        self._monotonic = monotonic
        self._patience_s = patience_s
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._seen = Seen()
        self._looked_at = float("-inf")
        meter = provider.get_meter(told.SCOPE)
        observe(meter, told.SERVICE_SERIES, self._series_of_services)
        for metric, read in _OF_SIGNAL:
            observe(meter, metric, self._signals(metric, read))
        for metric, read_evidence in _OF_EVIDENCE:
            observe(meter, metric, self._evidence(metric, read_evidence))

    def _look(self) -> Seen:
        with self._lock:
            if self._monotonic() - self._looked_at >= self._fresh_s:
                try:
                    self._seen = self._oracle.ask(look).result(self._patience_s)
                except (OracleBusyError, TimeoutError):
                    self._seen = Seen()
                    log.debug("too busy to tell of services")
                self._looked_at = self._monotonic()
            return self._seen

    def _series_of_services(self) -> Iterable[Observation]:
        return [
            Observation(one.series_count, {told.SERVICE.name: _name(one.namespace, one.service)})
            for one in self._look().services
        ]

    def _signals(
        self, metric: Metric, read: Callable[[SignalHealth], float | None]
    ) -> Callable[[], Iterable[Observation]]:
        def observations() -> Iterable[Observation]:
            for service in self._look().services:
                if not service.reporting:
                    continue
                for signal in service.signals:
                    value = read(signal)
                    if value is not None:
                        known = {
                            told.SERVICE.name: _name(service.namespace, service.service),
                            told.SIGNAL.name: signal.signal,
                            told.UNIT.name: signal.unit,
                        }
                        yield Observation(value, _declared(metric, known))

        return observations

    def _evidence(
        self, metric: Metric, read: Callable[[Evidence, SeriesHealth], float | None]
    ) -> Callable[[], Iterable[Observation]]:
        def observations() -> Iterable[Observation]:
            for incident, evidence, health in self._look().evidence:
                value = read(evidence, health)
                if value is not None:
                    known = {
                        told.INCIDENT.name: incident.id,
                        told.SERVICE.name: _name(incident.namespace, incident.service),
                        told.EVIDENCE.name: evidence.id,
                        told.EVIDENCE_SIGNAL.name: evidence.signal,
                        told.EVIDENCE_SERIES.name: evidence.series[:_MAX_NAME],
                        told.UNIT.name: evidence.unit,
                    }
                    yield Observation(value, _declared(metric, known))

        return observations


_OF_SIGNAL: tuple[tuple[Metric, Callable[[SignalHealth], float | None]], ...] = (
    (told.SIGNAL_VALUE, lambda one: one.value),
    (told.SIGNAL_LOW, lambda one: one.low if one.score is not None else None),
    (told.SIGNAL_HIGH, lambda one: one.high if one.score is not None else None),
    (told.SIGNAL_SCORE, lambda one: one.score),
    (told.SIGNAL_SHARE, lambda one: one.share),
    (told.SIGNAL_TIME_TO_LIMIT, lambda one: one.seconds_to_limit),
)
_OF_EVIDENCE: tuple[tuple[Metric, Callable[[Evidence, SeriesHealth], float | None]], ...] = (
    (told.EVIDENCE_VALUE, lambda _, health: health.value),
    (told.EVIDENCE_LOW, lambda _, health: health.low),
    (told.EVIDENCE_HIGH, lambda _, health: health.high),
    (told.EVIDENCE_SCORE, lambda evidence, _: evidence.score),
)


def _declared(metric: Metric, known: dict[str, str]) -> dict[str, AttributeValue]:
    return {one.name: known[one.name] for one in metric.attributes}


def _name(namespace: str, service: str) -> str:
    return (f"{namespace}/{service}" if namespace else service)[:_MAX_NAME]
