"""What a detector makes of telemetry that waited for it, as behind a Collector that queues."""

import pytest
from synthetic_service import START, Observation, SyntheticService, steady

from detector.incident import IncidentType

WAITED_S = 30


def waiting_for_the_detector(began: float, **settings: object) -> tuple[Observation, SyntheticService]:
    """A service whose last half minute is handed over at once."""
    watched = Observation()
    service = watched.service(began=began, **settings)
    service.description["memory"] = service.description["memory"][0], steady(0.22, 0.002)
    for second in range(WAITED_S):
        for batch in service.batch(START + second):
            watched.engine.ingest(batch, START + WAITED_S)
    watched.now = START + WAITED_S
    return watched, service


def leaking(since: float, start: float = 0.22, per_second: float = 0.078):
    return lambda t, rng: min(1.0, start + per_second * max(0.0, t - since))


@pytest.mark.parametrize("began", [START - 1.0, START - 1000.0], ids=["started with it", "long running"])
def test_a_leak_right_after_it_is_named(began: float) -> None:
    watched, service = waiting_for_the_detector(began)
    service.override = {"memory": leaking(since=WAITED_S)}
    watched.pass_time(6)
    ((_, incident),) = watched.opened
    assert incident.type is IncidentType.MEMORY_OOM


def test_a_leak_within_it_is_named() -> None:
    watched = Observation()
    service = watched.service(began=START - 1.0)
    service.override = {"memory": leaking(since=WAITED_S - 7)}
    for second in range(WAITED_S):
        for batch in service.batch(START + second):
            watched.engine.ingest(batch, START + WAITED_S)
    watched.now = START + WAITED_S
    watched.pass_time(1)
    ((_, incident),) = watched.opened
    assert incident.type is IncidentType.MEMORY_OOM


def test_its_start_up_is_excused_by_the_sender_s_clock() -> None:
    watched, service = waiting_for_the_detector(
        START - 1.0, override={"cpu": lambda t, rng: 1.0 if t < 3 else 0.1}
    )
    service.override = {}
    watched.pass_time(20)
    assert watched.opened == []


def test_a_leak_of_a_service_first_heard_seconds_ago_is_named() -> None:
    watched = Observation()
    service = watched.service()
    service.override = {"memory": leaking(since=12)}
    watched.pass_time(20)
    ((_, incident),) = watched.opened
    assert incident.type is IncidentType.MEMORY_OOM


def test_a_service_is_known_once_most_of_its_signals_are() -> None:
    watched = Observation()
    service = watched.service(began=START - 1.0)
    late = {"cpu", "memory", "memory_bytes", "pool", "client", "db", "server", "errors", "traffic"}
    service.override = {label: lambda t, rng: 0.2 if t >= 10 else None for label in late}
    watched.pass_time(20)
    assert not watched.engine.services(watched.now)[0].warm
    watched.pass_time(10)
    assert watched.engine.services(watched.now)[0].warm
