"""Sustained: in a row, of one instance or across the instances of a service."""

from detector.score.judge import Range
from detector.score.streak import Sighting, Streaks

NORMAL = Range(mean=1.0, deviation=0.1, low=None, high=2.0, ready=True)


def at(time: float, value: float = 5.0, instance: int = 0) -> Sighting:
    return Sighting(slot=7, instance=instance, time=time, value=value, now=time)


def streaks() -> Streaks:
    return Streaks(spike_memory_s=900.0, max_watched=10)


def test_it_takes_as_many_in_a_row_as_the_meaning_asks_for() -> None:
    counting = streaks()
    assert counting.outside(at(1), 3, NORMAL) is None
    assert counting.outside(at(2), 3, NORMAL) is None
    sustained = counting.outside(at(3), 3, NORMAL)
    assert sustained is not None
    assert (sustained.count, sustained.first) == (3, 1)


def test_a_normal_sample_breaks_the_row() -> None:
    counting = streaks()
    counting.outside(at(1), 2, NORMAL)
    assert counting.inside(at(2, 1.0)) == (1, 5.0)
    assert counting.outside(at(3), 2, NORMAL) is None


def test_a_sample_sent_twice_counts_once() -> None:
    counting = streaks()
    counting.outside(at(1), 2, NORMAL)
    assert counting.outside(at(1), 2, NORMAL) is None


def test_a_healthy_replica_does_not_hide_a_sick_one() -> None:
    counting = streaks()
    for second in range(2):
        counting.inside(at(second + 0.1, 1.0, instance=1))
        sustained = counting.outside(at(second, instance=0), 2, NORMAL)
    assert sustained is not None


def test_trouble_that_wanders_between_replicas_is_sustained_with_one_moment_more() -> None:
    counting = streaks()
    answers = []
    for second in range(4):
        answers.append(counting.outside(at(second, instance=second % 2), 2, NORMAL))
        counting.inside(at(second, 1.0, instance=(second + 1) % 2))
    assert answers[:2] == [None, None]
    assert answers[3] is not None


def test_the_same_moment_on_all_replicas_is_not_sustained() -> None:
    counting = streaks()
    assert all(counting.outside(at(5.0 + i / 100, instance=i), 2, NORMAL) is None for i in range(4))


def test_a_series_used_to_spikes_must_stay_up_longer() -> None:
    counting = streaks()
    counting.outside(at(1), 2, NORMAL)
    counting.inside(at(2, 1.0))
    counting.spiked(7, now=2.0, size=4.0)
    answers = [counting.outside(at(3 + n), 2, NORMAL) for n in range(4)]
    assert answers[:3] == [None] * 3
    assert answers[3] is not None


def test_a_far_larger_excursion_than_the_spikes_is_believed_at_once() -> None:
    counting = streaks()
    counting.outside(at(1), 2, NORMAL)
    counting.inside(at(2, 1.0))
    counting.spiked(7, now=2.0, size=4.0)
    counting.outside(at(3, 50.0), 2, NORMAL)
    assert counting.outside(at(4, 50.0), 2, NORMAL) is not None


def test_watches_are_bounded_and_forgotten() -> None:
    counting = Streaks(spike_memory_s=900.0, max_watched=10)
    for slot in range(50):
        counting.outside(Sighting(slot, 0, 1.0, 5.0, 1.0), 2, NORMAL)
    assert len(counting) == 10
    counting.sweep(now=100.0, stale_s=30.0)
    assert len(counting) == 0
