"""Windows over what arrives in bursts."""

import pytest

from detector.normalise.arrival_window import ArrivalWindow


def run(
    arrivals: list[float], until: float, alive: bool = True, held: float = 0.0
) -> list[tuple[float, float]]:
    """When windows close and how many seconds they stand for, flushed every quarter of a second.

    `held`: how long the exporter held back the oldest of what it sends.
    """
    window = ArrivalWindow(window_s=1.0, idle_s=3.0)
    waiting = sorted(arrivals)
    closed = []
    for tick in range(1, int(until * 4) + 1):
        now = 100.0 + tick / 4
        while waiting and 100.0 + waiting[0] <= now:
            at = 100.0 + waiting.pop(0)
            window.arrived(at, at - held)
        seconds = window.closed(now, alive)
        if seconds is not None:
            closed.append((now - 100.0, round(seconds, 3)))
    return closed


def test_an_exporter_that_fires_every_second_gives_a_window_a_second() -> None:
    assert run([0.1, 1.1, 2.1, 3.1], 3.5, held=1.0) == [(0.25, 1.0), (1.25, 1.0), (2.25, 1.0), (3.25, 1.0)]


def test_an_exporter_that_fires_every_five_seconds_gives_windows_of_five_seconds_and_no_silence() -> None:
    window = run([0.1 + 5 * i for i in range(20)], 100, held=5.0)
    assert {seconds for _, seconds in window} == {5.0}


def test_a_steady_trickle_gives_windows_of_about_a_second() -> None:
    closed = run([i * 0.05 for i in range(200)], 10)
    assert len(closed) >= 7
    assert all(1.0 <= seconds <= 1.6 for _, seconds in closed)
    assert sum(seconds for _, seconds in closed) == pytest.approx(10, abs=1.3)


def test_a_burst_is_not_cut_in_two() -> None:
    assert run([0.1, 4.9, 4.95, 5.0, 5.05], 5.5, alive=False, held=1.0) == [(0.25, 1.0), (5.25, 4.95)]


def test_silence_of_a_living_instance_counts_after_some_usual_gaps() -> None:
    closed = run([0.1], 6, held=1.0)
    assert closed[1:] == [(3.25, 3.15), (4.25, 1.0), (5.25, 1.0)]


def test_silence_of_an_instance_that_is_not_heard_from_at_all_says_nothing() -> None:
    assert run([0.1], 20, alive=False, held=1.0) == [(0.25, 1.0)]


def test_the_first_window_stands_for_the_time_since_the_first_thing_in_it_happened() -> None:
    window = ArrivalWindow(window_s=1.0, idle_s=3.0)
    window.arrived(100.0, 96.0)
    assert window.closed(100.5, alive=True) == 4.0
