"""What is odd but not sustained yet: it holds back a hasty name, and is not evidence itself."""

import pytest
from synthetic_service import START, Behaviour, Observation, SyntheticService, steady

from detector.incident import IncidentType

SURE = 0.8
USUAL_CPU = steady(0.09, 0.01)


def after(since: float, *values: float) -> Behaviour:
    """The first values one second each from `since` on, the last one for good."""
    return lambda t, rng: values[min(max(0, int(t - since + 0.01)), len(values) - 1)]


def calm_service(**settings: object) -> tuple[Observation, SyntheticService]:
    watched = Observation()
    service = watched.service(**settings)
    service.override = {"cpu": USUAL_CPU}
    watched.pass_time(30)
    return watched, service


@pytest.mark.parametrize(
    "cpu",
    [
        (0.09, 0.6, 0.95),  # begins a sample later than the calls slow down
        (0.5, 0.6, 0.95),  # begins below what alone is worth a call
        (0.09, 0.5, 0.5),  # and stays there
    ],
)
@pytest.mark.parametrize("replicas", [1, 3])
def test_slow_calls_are_not_blamed_on_the_network_while_the_cpu_is_under_suspicion(cpu, replicas) -> None:
    watched, service = calm_service(replicas=replicas)
    began = watched.now
    since = began - START
    service.override = {"cpu": after(since, *cpu), "client": steady(0.45, 0.05), "server": steady(0.5, 0.05)}
    watched.pass_time(8)
    opened_at, _ = watched.opened[0]
    assert opened_at - began <= 3.5
    assert {incident.type for _, incident in watched.reports} == {IncidentType.CPU_SPIKE}


def test_what_is_only_suspected_is_not_published() -> None:
    watched, service = calm_service()
    since = watched.now - START
    cpu = after(since, 0.09, 0.7, 0.1, 0.7, 0.1)
    service.override = {"client": steady(0.45), "client_p95": steady(0.47), "cpu": cpu}
    watched.pass_time(8)
    (incident,) = watched.latest
    assert incident.type is IncidentType.NETWORK_LATENCY
    assert {e.signal for _, i in watched.reports for e in i.evidence} == {"client_latency"}
    assert incident.confidence >= SURE


def test_a_suspicion_alone_opens_nothing() -> None:
    watched, service = calm_service()
    since = watched.now - START
    service.override = {"cpu": after(since, 0.9, 0.09)}
    watched.pass_time(10)
    assert watched.reports == []


def test_what_decides_the_type_is_reported_at_once() -> None:
    watched, service = calm_service()
    since = watched.now - START
    cpu = after(since, 0.09, 0.09, 0.09, 0.7, 0.95)
    service.override = {"client": steady(0.45), "client_p95": steady(0.47), "cpu": cpu}
    watched.pass_time(3)
    assert watched.latest[0].type is IncidentType.NETWORK_LATENCY
    watched.pass_time(1)
    assert watched.latest[0].confidence < SURE
    sustained_at = watched.now
    watched.pass_time(1)
    named_at = next(at for at, incident in watched.reports if incident.type is IncidentType.CPU_SPIKE)
    assert named_at - sustained_at <= 0.25


def test_replicas_that_share_too_few_cores_are_short_of_cpu_all_the_same() -> None:
    watched, service = calm_service(replicas=3)
    service.override = {"cpu": steady(0.5, 0.01), "client": steady(0.45, 0.05), "server": steady(0.5, 0.05)}
    watched.pass_time(8)
    (incident,) = watched.latest
    cpu = next(e for e in incident.evidence if e.signal == "cpu")
    assert incident.type is IncidentType.CPU_SPIKE
    assert cpu.now == pytest.approx(0.5, abs=0.05)
    assert cpu.before == pytest.approx(0.09, abs=0.02)


def test_a_cpu_that_is_busier_than_usual_but_not_busy_opens_nothing_by_itself() -> None:
    watched, service = calm_service(replicas=3)
    service.override = {"cpu": steady(0.5, 0.01)}
    watched.pass_time(120)
    assert watched.reports == []


def test_one_busier_replica_of_three_explains_nothing() -> None:
    watched, service = calm_service()
    for n in (1, 2):
        other = watched.service(instance=f"shop-{n}", seed=n + 5, pid=300 + n)
        other.override = {"cpu": USUAL_CPU}
    watched.pass_time(30)
    for other in watched.services:
        other.override["client"] = steady(0.45, 0.02)
    service.override["cpu"] = steady(0.5, 0.01)
    watched.pass_time(8)
    (incident,) = watched.latest
    assert incident.type is IncidentType.NETWORK_LATENCY
    assert all(e.signal != "cpu" for e in incident.evidence)


def test_a_surge_spread_over_more_replicas_counts_as_normal_again() -> None:
    watched, service = calm_service(replicas=3)
    service.override = {"cpu": steady(0.98), "server": steady(0.5, 0.05)}
    watched.pass_time(6)
    service.override = {"cpu": lambda t, rng: float(rng.uniform(0.3, 0.42))}
    watched.pass_time(6)
    answer = watched.engine.recovery(watched.latest[0].id, watched.now)
    assert answer is not None
    assert answer.normal
    watched.pass_time(8)
    assert watched.latest[0].closed_at is not None
    assert answer.worse == ()
    assert len(watched.latest) == 1
