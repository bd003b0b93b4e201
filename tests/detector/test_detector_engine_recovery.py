"""Is it over? What closes an incident, what keeps it open, what links it to the one before."""

import pytest
from synthetic_service import START, Observation, SyntheticService, heavy_tailed, steady

from detector.engine import EngineConfig
from detector.incident import AnomalyReason, IncidentState, IncidentType


def slow_dependency() -> tuple[Observation, SyntheticService]:
    watched = Observation()
    service = watched.service()
    watched.pass_time(30)
    service.override = {"client": steady(1.2, 0.05), "server": steady(1.25, 0.05)}
    watched.pass_time(8)
    return watched, service


def recovery(watched: Observation):
    return watched.engine.recovery(watched.latest[-1].id, watched.now)


def test_while_the_fault_lasts_it_is_not_over() -> None:
    watched, _ = slow_dependency()
    answer = recovery(watched)
    assert (answer.state, answer.reporting, answer.normal) == (IncidentState.OPEN, True, False)
    assert answer.normal_for_s == 0.0
    assert {s.signal for s in answer.series if not s.normal} >= {"client_latency", "server_latency"}


def test_once_healed_the_time_of_normality_is_counted_and_the_incident_closes() -> None:
    watched, service = slow_dependency()
    service.override = {}
    watched.pass_time(5)
    answer = recovery(watched)
    assert answer.normal
    assert 3.0 <= answer.normal_for_s <= 5.0
    assert all(s.normal for s in answer.series)
    watched.pass_time(10)
    (incident,) = watched.latest
    assert incident.state is IncidentState.CLOSED
    assert incident.closed_at is not None
    assert watched.reports[-1][1].state is IncidentState.CLOSED


def test_a_relapse_starts_the_count_again() -> None:
    watched, service = slow_dependency()
    service.override = {}
    watched.pass_time(3)
    service.override = {"client": steady(1.2)}
    watched.pass_time(2)
    assert not recovery(watched).normal
    service.override = {}
    watched.pass_time(3)
    assert recovery(watched).normal_for_s <= 3.0
    assert len(watched.latest) == 1


@pytest.mark.parametrize("signal", ["client", "disk"])
def test_what_begins_once_it_had_settled_is_another_incident(signal) -> None:
    watched, service = slow_dependency()
    service.override = {}
    watched.pass_time(6)
    service.override = {signal: steady(1.2 if signal == "client" else 0.99)}
    began = watched.now
    watched.pass_time(4)
    first, second = watched.latest
    assert first.state is IncidentState.CLOSED
    assert second.state is IncidentState.OPEN
    assert second.opened_at - began <= 3.0
    assert second.started_at >= began - 0.1
    assert second.previous_id == (first.id if signal == "client" else None)


def test_a_remedy_that_did_not_help_is_not_taken_for_recovery_while_the_process_starts() -> None:
    watched, service = slow_dependency()
    service.down = True
    watched.pass_time(3)
    service.down = False
    service.restart(watched.now)
    longest = 0.0
    for _ in range(10):
        watched.pass_time(1)
        longest = max(longest, recovery(watched).normal_for_s)
    assert longest < 1.0
    assert len(watched.latest) == 1


def test_the_same_fault_that_comes_back_is_a_new_incident_linked_to_the_old() -> None:
    watched, service = slow_dependency()
    service.override = {}
    watched.pass_time(20)
    service.override = {"client": steady(1.2, 0.05), "server": steady(1.25, 0.05)}
    watched.pass_time(6)
    first, second = watched.latest
    assert second.previous_id == first.id
    assert second.state is IncidentState.OPEN
    assert second.type is first.type


def test_another_fault_after_the_first_is_not_linked() -> None:
    watched, service = slow_dependency()
    service.override = {}
    watched.pass_time(20)
    service.override = {"cpu": steady(1.0)}
    watched.pass_time(6)
    assert watched.latest[-1].type is IncidentType.CPU_SPIKE
    assert watched.latest[-1].previous_id is None


def test_a_service_that_fell_silent_is_not_normal() -> None:
    watched, service = slow_dependency()
    service.override = {}
    service.down = True
    watched.pass_time(15)
    answer = recovery(watched)
    assert not answer.reporting
    assert not answer.normal
    assert watched.latest[0].state is IncidentState.OPEN


def test_a_series_without_fresh_samples_is_normal_while_the_service_reports() -> None:
    watched, service = slow_dependency()
    service.override = {"client": lambda t, rng: None, "server": lambda t, rng: None}
    watched.pass_time(12)
    assert recovery(watched).normal


def test_a_restart_as_remedy_closes_the_incident_and_is_not_taken_for_a_crash_loop() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(30)
    since = watched.now - START
    service.override = {"memory": lambda t, rng: min(0.97, 0.3 + 0.08 * (t - since + 1))}
    watched.pass_time(8)
    for _ in range(2):
        service.down = True
        watched.pass_time(3)
        service.down = False
        service.restart(watched.now)
        service.override = {"cpu": steady(1.0), "server": steady(0.5)}
        watched.pass_time(2)
        service.override = {}
        assert watched.engine.recovery("INC-1", watched.now).worse == ()
        watched.pass_time(6)
    watched.pass_time(12)
    (incident,) = watched.latest
    assert incident.type is IncidentType.MEMORY_OOM
    assert incident.state is IncidentState.CLOSED


def test_faults_healed_by_restarts_in_a_row_stay_what_they_are() -> None:
    watched = Observation()
    service = watched.service(replicas=2)
    watched.pass_time(30)
    for _ in range(3):
        service.override = {"cpu": steady(1.0)}
        watched.pass_time(6)
        service.down = True
        watched.pass_time(2)
        service.down = False
        service.restart(watched.now)
        service.override = {}
        watched.pass_time(16)
    assert [i.type for i in watched.latest] == [IncidentType.CPU_SPIKE] * 3
    assert all(i.state is IncidentState.CLOSED for i in watched.latest)


def test_what_gets_worse_after_opening_is_told_once_it_lasts() -> None:
    watched, service = slow_dependency()
    watched.pass_time(10)
    assert recovery(watched).worse == ()
    service.override["disk"] = steady(0.99)
    watched.pass_time(10)
    worse = recovery(watched).worse
    assert [s.signal for s in worse] == ["disk"]
    assert not worse[0].normal


def test_a_fault_does_not_become_the_new_normal() -> None:
    watched, _ = slow_dependency()
    watched.pass_time(600)
    (incident,) = watched.latest
    assert incident.state is IncidentState.OPEN
    answer = recovery(watched)
    client = next(s for s in answer.series if s.signal == "client_latency")
    assert client.high is not None
    assert client.high < 0.2


def test_what_lasts_without_anything_new_is_accepted_in_the_end() -> None:
    watched = Observation(EngineConfig(accept_after_s=120.0))
    service = watched.service()
    watched.pass_time(30)
    service.override = {"server": heavy_tailed(0.6)}
    watched.pass_time(300)
    (incident,) = watched.latest
    assert incident.state is IncidentState.CLOSED
    watched.pass_time(300)
    assert len(watched.latest) == 1


def test_a_context_level_that_lasts_is_learned_again() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(60)
    service.override = {"traffic": steady(80.0, 2.0)}
    watched.pass_time(120)
    service.override = {"traffic": steady(80.0, 2.0), "cpu": steady(1.0)}
    watched.pass_time(5)
    (incident,) = watched.latest
    assert all(e.signal != "request_rate" for e in incident.evidence)


def test_a_surge_shows_on_the_incident_as_context() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(30)
    service.override = {"traffic": steady(120.0, 5.0), "cpu": steady(1.0), "server": steady(0.9, 0.1)}
    watched.pass_time(6)
    (incident,) = watched.latest
    traffic = next(e for e in incident.evidence if e.signal == "request_rate")
    assert incident.type is IncidentType.CPU_SPIKE
    assert (traffic.reason, traffic.weight) == (AnomalyReason.ABOVE_NORMAL, 0.0)
    assert traffic.now > 3 * traffic.before


def test_the_value_shown_is_that_of_the_worst_instance() -> None:
    watched = Observation()
    services = [watched.service(instance=f"shop-{n}", seed=n, pid=100 * n) for n in (1, 2, 3)]
    watched.pass_time(30)
    services[0].override = {"cpu": steady(0.97)}
    watched.pass_time(8)
    (cpu,) = (s for s in recovery(watched).series if s.signal == "cpu")
    assert cpu.value == 0.97
    assert not cpu.normal
    services[0].override = {}
    watched.pass_time(2)
    (cpu,) = (s for s in recovery(watched).series if s.signal == "cpu")
    assert cpu.value is not None
    assert cpu.value <= 0.35
    assert cpu.normal


def test_a_series_no_longer_observed_has_no_value_only_an_age() -> None:
    watched, service = slow_dependency()
    service.override = {"client": lambda t, rng: None, "server": lambda t, rng: None}
    watched.pass_time(12)
    for series in recovery(watched).series:
        assert series.value is None
        assert series.age_s == pytest.approx(12.0, abs=1.5)


def test_what_a_start_up_excuses_is_the_value_that_holds_recovery_back() -> None:
    watched, service = slow_dependency()
    service.restart(watched.now)
    watched.pass_time(1)
    client = next(s for s in recovery(watched).series if s.signal == "client_latency")
    assert client.value == pytest.approx(1.2, abs=0.3)
    assert not client.normal
