"""Scenarios: what is injected, what must be raised, and how soon."""

import pytest
from synthetic_service import START, Observation, SyntheticService, steady

from detector.incident import AnomalyReason, IncidentType, Severity

WARM_UP_S = 25


def growing(start: float, per_second: float, since: float, most: float = 1.0):
    return lambda t, rng: min(most, start + per_second * (t - since + 1))


def burn(service: SyntheticService, since: float) -> None:
    service.override = {"cpu": steady(1.0), "server": steady(0.4, 0.05), "client": steady(0.05, 0.01)}


def leak(service: SyntheticService, since: float) -> None:
    service.override = {"memory": growing(0.3, 0.08, since)}


def fill(service: SyntheticService, since: float) -> None:
    service.override = {"disk": growing(0.1, 0.3, since), "errors": lambda t, rng: 0.5 * (t > since + 3)}


def slow_dependency(service: SyntheticService, since: float) -> None:
    service.override = {
        "client": steady(1.2, 0.05),
        "client_p95": steady(1.25, 0.05),
        "server": steady(1.25, 0.05),
        "server_p95": steady(1.3, 0.05),
    }


def slow_dependency_that_fills_the_pool(service: SyntheticService, since: float) -> None:
    slow_dependency(service, since)
    service.override["pool"] = steady(1.0)


def leak_connections(service: SyntheticService, since: float) -> None:
    service.override = {
        "pool": steady(1.0),
        "pending": steady(8.0, 1.0),
        "timeouts": lambda t, rng: 3.0 * (t >= since + 2),
        "errors": lambda t, rng: 0.6 * (t >= since + 2),
        "error_logs": lambda t, rng: 6.0 * (t >= since + 2),
        "server": steady(2.0, 0.1),
    }


def fail(service: SyntheticService, since: float) -> None:
    service.override = {"errors": steady(0.6, 0.05)}


FAULTS = [
    (burn, IncidentType.CPU_SPIKE, 3.5),
    (leak, IncidentType.MEMORY_OOM, 3.5),
    (fill, IncidentType.DISK_SPACE, 3.5),
    (slow_dependency, IncidentType.NETWORK_LATENCY, 3.5),
    (slow_dependency_that_fills_the_pool, IncidentType.NETWORK_LATENCY, 3.5),
    (leak_connections, IncidentType.DB_CONNECTION_POOL, 3.5),
    (fail, IncidentType.UNKNOWN, 4.5),
]


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("inject", "kind", "within_s"), FAULTS, ids=[f[0].__name__ for f in FAULTS])
def test_a_fault_opens_one_incident_of_its_type_in_time(inject, kind, within_s, seed, replicas) -> None:
    watched = Observation()
    service = watched.service(seed=seed, replicas=replicas)
    watched.pass_time(WARM_UP_S)
    began = watched.now
    inject(service, began - START)
    watched.pass_time(20)
    assert [incident.type for incident in watched.latest] == [kind]
    opened_at, first = watched.opened[0]
    assert opened_at - began <= within_s
    assert first.started_at >= began - 3
    assert first.trace_id == watched.tracer.recorded[0].traceparent or len(first.trace_id) == 32


def test_a_crash_loop_is_named_within_seconds_of_the_first_fatal_line() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(WARM_UP_S)
    began = watched.now

    def crash_again(t: float) -> None:
        service.down = t - (began - START) not in {1.0, 4.0, 8.0, 13.0}
        if not service.down:
            service.restart(watched.now)
            service.logs = [(21, "invalid configuration: DATABASE is missing", True)]

    watched.pass_time(16, crash_again)
    opened_at, _ = watched.opened[0]
    (incident,) = watched.latest
    assert opened_at - began <= 4.5
    assert incident.type is IncidentType.POD_CRASH_LOOP
    assert incident.severity is Severity.CRITICAL
    assert any("invalid configuration" in line for e in incident.evidence for line in e.log_lines)


def test_a_leak_says_when_the_limit_is_reached() -> None:
    watched = Observation()
    service = watched.service()
    service.override = {"memory": steady(0.3, 0.003)}
    watched.pass_time(60)
    service.override = {"memory": growing(0.3, 0.02, watched.now - START)}
    watched.pass_time(14)
    (incident,) = watched.latest
    assert incident.type is IncidentType.MEMORY_OOM
    assert incident.evidence[0].reason is AnomalyReason.LIMIT_FORECAST
    assert incident.forecast is not None
    left = incident.forecast.exhausted_at - watched.now
    assert left == pytest.approx((1.0 - 0.58) / 0.02, rel=0.25)
