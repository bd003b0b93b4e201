"""Silence, restarts and deaths, read from heartbeats."""

from detector.correlate.lifecycle import LifecycleConfig, ServiceLife
from detector.series import Heartbeat, InstanceId, LogNotice, ServiceId

SHOP = ServiceId("", "shop")
CONFIG = LifecycleConfig()


def beat(
    life: ServiceLife, now: float, slot: int = 0, pid: int | None = None, started_at: float | None = None
):
    life.hear(Heartbeat(InstanceId(SHOP, f"i{slot}"), now, started_at, "", pid), slot, now)


def living(until: float = 60.0, interval: float = 1.0, **process) -> ServiceLife:
    life, now = ServiceLife(CONFIG, 0.0, 0.0), 0.0
    while now <= until:
        beat(life, now, **process)
        now += interval
    return life


def test_a_service_is_silent_after_three_of_its_own_intervals() -> None:
    life = living(until=300, interval=10)
    assert life.reporting(325)
    assert life.silent(331)
    assert not life.gone_quiet(331)
    assert life.gone_quiet(361)


def test_silence_of_a_fast_service_takes_some_seconds_all_the_same() -> None:
    life = living(until=60, interval=0.1)
    assert not life.silent(62)
    assert not life.gone_quiet(65)
    assert life.gone_quiet(66.1)


def test_a_service_hardly_known_may_fall_silent() -> None:
    assert not living(until=10).gone_quiet(100)


def test_a_new_pid_is_a_restart() -> None:
    life = living(pid=1)
    beat(life, 62, pid=2)
    beat(life, 66, pid=3)
    first, second = life.recent_restarts(66)
    assert first.lived_s == float("inf")  # its start was not seen
    assert second.lived_s < 4


def test_a_later_start_time_is_a_restart() -> None:
    life = living(started_at=-100.0)
    beat(life, 63, started_at=62.5)
    assert len(life.recent_restarts(63)) == 1


def test_a_counter_that_began_late_is_no_restart() -> None:
    life = living(started_at=-100.0)
    beat(life, 61.5, started_at=61.2)
    beat(life, 62, started_at=-100.0)
    assert life.recent_restarts(62) == []
    beat(life, 63, started_at=61.2)
    assert life.recent_restarts(63) == []


def test_processes_that_share_a_name_are_not_restarts_of_each_other() -> None:
    life = living(pid=1)
    for second in range(20):
        beat(life, 61 + second, pid=1 + second % 2)
    assert life.recent_restarts(81) == []


def test_a_new_name_takes_the_place_of_a_silent_one() -> None:
    life = living(slot=0)
    beat(life, 64, slot=1)
    (restart,) = life.recent_restarts(64)
    assert restart.instance == "i0"
    assert life.gone == [0]


def test_a_new_name_beside_living_ones_is_no_restart() -> None:
    life = living(slot=0)
    beat(life, 60.5, slot=1)
    assert life.recent_restarts(61) == []


def test_a_fatal_line_followed_by_silence_is_a_death() -> None:
    life = living(pid=1)
    instance = InstanceId(SHOP, "i0")
    life.hear_log(LogNotice(SHOP, instance, 60.0, 21, "boom", "boom", True, ""), 0, 60.2)
    assert not life.died_of_fatal(61)
    assert life.died_of_fatal(64)


def test_what_an_incident_explained_is_forgiven() -> None:
    life = living(pid=1)
    beat(life, 62, pid=2)
    beat(life, 70, pid=3)
    life.forgive(until=65)
    assert [r.at for r in life.recent_restarts(71)] == [70]


def test_instances_long_silent_are_forgotten() -> None:
    life = living(slot=0)
    for second in range(200):
        beat(life, 61 + second, slot=1)
    life.sweep(261)
    assert set(life.processes) == {1}
