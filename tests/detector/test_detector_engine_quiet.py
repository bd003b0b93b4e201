"""Scenarios that must stay silent."""

import pytest
from synthetic_service import (
    SPAN,
    START,
    Observation,
    bursty,
    heavy_tailed,
    rarely,
    sawtooth,
    series,
    steady,
    typical_python_service,
)

from detector.series import Stat


def rough_service() -> dict[str, tuple]:
    """Everything jumps: heavy tails on slow calls, long garbage collection waves, CPU in bursts."""
    return typical_python_service() | {
        "client": series("span.client", Stat.MEAN, "s", heavy_tailed(0.05, 0.01), SPAN),
        "server": series("span.server", Stat.MEAN, "s", heavy_tailed(0.15, 0.01, spread=0.5), SPAN),
        "memory": series("process.memory.usage", Stat.SHARE, "1", sawtooth(0.3, 0.85, 130)),
        "errors": series("span.server", Stat.ERROR_RATIO, "1", rarely(0.01, 0.5), SPAN),
        "cpu": series("process.cpu.utilization", Stat.VALUE, "1", lambda t, rng: 0.8 * float(rng.beta(2, 5))),
        "traffic": series("span.server", Stat.COUNT_RATE, "s", bursty(20.0, 1.0), SPAN),
    }


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("describe", [typical_python_service, rough_service])
def test_an_hour_of_a_noisy_but_healthy_service_raises_nothing(describe, seed) -> None:
    watched = Observation()
    watched.service(seed=seed, description=describe())
    watched.pass_time(3600)
    assert watched.reports == []


def test_replicas_that_jitter_raise_nothing() -> None:
    watched = Observation()
    watched.service(seed=4, replicas=3)
    watched.pass_time(900)
    assert watched.reports == []


def test_slowly_doubling_traffic_raises_nothing() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(60)
    since = watched.now - START

    def share(t: float) -> float:
        return 1.0 + min(1.0, (t - since) / 300.0)

    service.override = {
        "traffic": lambda t, rng: float(rng.poisson(20 * share(t))),
        "cpu": lambda t, rng: float(rng.uniform(0.03, 0.2)) * share(t),
        "server": lambda t, rng: float(0.04 * share(t) * rng.lognormal(0, 0.3)),
    }
    watched.pass_time(600)
    assert watched.reports == []


def test_a_quiet_night_and_the_morning_after_raise_nothing() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(120)
    service.override = {
        "traffic": rarely(0.05, 1.0),
        "cpu": steady(0.01, 0.002),
        "client": rarely(0.05, 0.006, otherwise=float("nan")),
    }
    service.override["client"] = lambda t, rng: 0.006 if rng.random() < 0.05 else None
    watched.pass_time(600)
    service.override = {}
    watched.pass_time(300)
    assert watched.reports == []


@pytest.mark.parametrize("silent_s", [2, 3, 4])
def test_a_deploy_restart_raises_nothing(silent_s) -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(60)
    service.down = True
    watched.pass_time(silent_s)
    service.down = False
    service.restart(watched.now)
    service.override = {"cpu": steady(1.0), "server": steady(0.8), "memory": sawtooth(0.05, 0.2, 100)}
    watched.pass_time(2)
    service.override = {}
    watched.pass_time(60)
    assert watched.reports == []


def test_a_deploy_restart_after_an_odd_second_raises_nothing() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(60)
    service.override = {"cpu": steady(1.0), "server": steady(0.8)}
    watched.pass_time(1)
    service.down = True
    watched.pass_time(4)
    service.down, service.override = False, {}
    service.restart(watched.now)
    watched.pass_time(60)
    assert watched.reports == []


def test_a_rolling_deploy_of_processes_that_name_themselves_anew_raises_nothing() -> None:
    watched = Observation()
    old = [watched.service(name="shop", seed=n, instance=f"old-{n}") for n in range(4)]
    watched.pass_time(60)
    for n, service in enumerate(old):
        service.down = True
        watched.pass_time(3)
        watched.service(name="shop", seed=10 + n, instance=f"new-{n}", pid=500 + n, began=watched.now)
        watched.pass_time(5)
    watched.pass_time(30)
    assert watched.reports == []


def test_a_memory_step_that_leads_nowhere_raises_nothing() -> None:
    watched = Observation()
    service = watched.service()
    service.override = {"memory": steady(0.3, 0.0025)}
    watched.pass_time(60)
    service.override = {"memory": steady(0.42, 0.0025)}
    watched.pass_time(120)
    assert watched.reports == []


def test_a_lone_fatal_line_of_a_service_that_goes_on_raises_nothing() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(60)
    service.logs = [(21, "giving up on order 5", True)]
    watched.pass_time(60)
    assert watched.reports == []


def test_a_short_lived_batch_job_may_end() -> None:
    watched = Observation()
    job = watched.service()
    watched.pass_time(10)
    job.down = True
    watched.pass_time(120)
    assert watched.reports == []


def test_hosts_load_is_not_held_against_a_service_that_measures_itself() -> None:
    watched = Observation()
    service = watched.service(
        description=typical_python_service()
        | {"host": series("system.cpu.utilization", Stat.VALUE, "1", steady(0.2, 0.02), state="user")}
    )
    watched.pass_time(60)
    service.override = {"host": steady(0.99)}
    watched.pass_time(60)
    assert watched.reports == []
