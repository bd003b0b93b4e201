"""What is told of services and of open incidents, as it is when metrics are exported, and bounded."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest
from detector_doubles import ToldEngine
from detector_incidents import EVIDENCE, an_incident
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from detector.incident import IncidentState, Recovery, SeriesHealth, ServiceHealth, SignalHealth
from detector.report.queries import Knowledge, OracleBusyError
from detector.report.service_metrics import MAX_EVIDENCE, MAX_INCIDENTS, MAX_SERVICES, ServiceMetrics

T = TypeVar("T")

DISK = SignalHealth("disk", "1", 0.9, None, 0.85, False, share=0.9, score=0.99, seconds_to_limit=30.0)
CALLS = SignalHealth("request_rate", "{call}/s", 12.0, 3.0, 40.0, True)
SHOP = ServiceHealth("checkout", "shop", ("a",), True, True, 1000.0, 12, "INC-1", (DISK, CALLS))


class Knowing(ToldEngine):
    """An engine whose incidents are still to be seen in their series."""

    def __init__(self) -> None:
        super().__init__()
        self.health: list[ServiceHealth] = [SHOP]

    def services(self, now: float) -> list[ServiceHealth]:
        return self.health

    def recovery(self, incident_id: str, now: float) -> Recovery | None:
        series = tuple(
            SeriesHealth(one.series, one.signal, one.unit, 0.5, None, one.high, False, 0.1)
            for one in self.known[incident_id].evidence
        )
        return Recovery(incident_id, IncidentState.OPEN, True, False, 0.0, series)


@dataclass
class Asked:
    """Answers at once, and counts; `busy`: not at all."""

    engine: Knowing = field(default_factory=Knowing)
    busy: bool = False
    alive: bool = True
    times: int = 0

    def ask(self, question: Callable[[Knowledge, float], T]) -> "Future[T]":
        self.times += 1
        if self.busy:
            raise OracleBusyError
        future: Future[T] = Future()
        future.set_result(question(self.engine, 1000.0))
        return future


@dataclass
class Setup:
    oracle: Asked
    reader: InMemoryMetricReader
    now: float = 0.0

    def told(self) -> dict[str, dict[tuple[Any, ...], float]]:
        """By metric: value by the values of its attributes, sorted by their names."""
        data = self.reader.get_metrics_data()
        metrics = (
            []
            if data is None
            else [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        )
        return {
            metric.name: {
                tuple(value for _, value in sorted(point.attributes.items())): point.value
                for point in metric.data.data_points
            }
            for metric in metrics
        }


@pytest.fixture
def setup() -> Iterator[Setup]:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    setup = Setup(Asked(), reader)
    ServiceMetrics(meters, setup.oracle, lambda: setup.now)
    yield setup
    meters.shutdown()


def test_signals_are_told_as_far_as_they_are_known(setup: Setup) -> None:
    told = setup.told()
    assert told["aegisops.signal.value"] == {
        ("shop/checkout", "disk", "1"): 0.9,
        ("shop/checkout", "request_rate", "{call}/s"): 12.0,
    }
    assert told["aegisops.signal.high"] == {("shop/checkout", "disk", "1"): 0.85}
    assert "aegisops.signal.low" not in told
    for name, value in (("score", 0.99), ("share", 0.9), ("time_to_limit", 30.0)):
        assert told[f"aegisops.signal.{name}"] == {("shop/checkout", "disk"): value}
    assert told["aegisops.detector.service.series"] == {("shop/checkout",): 12}


def test_a_service_that_is_silent_has_no_signals(setup: Setup) -> None:
    setup.oracle.engine.health = [replace(SHOP, reporting=False)]
    assert setup.told().keys() == {"aegisops.detector.service.series"}


def test_the_raising_series_of_open_incidents_are_told(setup: Setup) -> None:
    setup.oracle.engine.known = {
        "INC-1": an_incident(),
        "INC-2": an_incident("INC-2", state=IncidentState.CLOSED),
    }
    told = setup.told()
    evidence = ("e1", "http.client.request.duration:p95", "client_latency", "INC-1", "shop/checkout", "s")
    assert told["aegisops.evidence.value"] == {evidence: 0.5}
    assert told["aegisops.evidence.high"] == {evidence: 0.1}
    assert told["aegisops.evidence.score"] == {evidence: 0.99}


def test_what_is_told_is_bounded(setup: Setup) -> None:
    engine = setup.oracle.engine
    engine.health = [replace(SHOP, service=f"s{n}", open_incident=None) for n in range(MAX_SERVICES + 50)]
    engine.health.append(replace(SHOP, service="zebra"))
    many = tuple(replace(EVIDENCE, id=f"e{n}", series=f"series {n} {'x' * 500}") for n in range(50))
    engine.known = {f"INC-{n}": an_incident(f"INC-{n}", evidence=many) for n in range(50)}
    told = setup.told()
    assert len(told["aegisops.detector.service.series"]) == MAX_SERVICES
    assert ("shop/zebra",) in told["aegisops.detector.service.series"]
    assert len(told["aegisops.evidence.value"]) == MAX_INCIDENTS * MAX_EVIDENCE
    assert max(len(key[1]) for key in told["aegisops.evidence.value"]) == 120


def test_one_export_asks_once_and_the_next_one_again(setup: Setup) -> None:
    setup.told()
    assert setup.oracle.times == 1
    setup.now += 1.0
    setup.told()
    assert setup.oracle.times == 2


def test_a_detector_that_is_too_busy_tells_of_no_service(setup: Setup) -> None:
    setup.oracle.busy = True
    assert setup.told() == {}
