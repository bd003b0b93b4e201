"""What is old weighs less, and a clock that jumps does no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from learn_samples import KeptRows, ended, full_disk, leak, restart_failed, restart_helped

from responder.incident_record import ActionKind
from responder.learn import DAY_S, Decay, Runbook, RunbookConfig

NOW = 1_700_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def runbook(clock: Clock, store: KeptRows | None = None) -> Runbook:
    return Runbook(store or KeptRows(), clock, RunbookConfig(Decay(30 * DAY_S)))


def restarts_seen(book: Runbook) -> tuple[float, float]:
    (one,) = (e for e in book.experience(leak(99)) if e.action is ActionKind.RESTART)
    return one.here.successes, one.here.failures


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.floats(1.0, 1e9))
def test_a_weight_is_a_share_whatever_the_times(at: float, now: float, half_life_s: float) -> None:
    assert 0.0 <= Decay(half_life_s).weight(at, now) <= 1.0


def test_after_a_half_life_an_outcome_weighs_half() -> None:
    clock = Clock()
    book = runbook(clock)
    book.learn(restart_helped(1))
    clock.now += 30 * DAY_S
    assert restarts_seen(book) == pytest.approx((0.5, 0.0))


def test_new_outcomes_prevail_over_old_ones() -> None:
    clock = Clock()
    book = runbook(clock)
    for number in range(4):
        book.learn(restart_helped(number))
    clock.now += 90 * DAY_S
    for number in range(4, 6):
        book.learn(restart_failed(number))
    helped, failed = restarts_seen(book)
    assert failed > helped


def test_what_is_stale_is_neither_matched_nor_shown_nor_counted() -> None:
    clock = Clock()
    book = runbook(clock)
    book.learn(restart_helped(1))
    clock.now += 150 * DAY_S
    assert book.matches(leak(2)) == ()
    assert book.export() == []
    assert book.experience(leak(2)) == ()


def test_a_stale_entry_lives_again_with_its_next_incident_and_counts_that_alone() -> None:
    clock = Clock()
    book = runbook(clock)
    book.learn(restart_failed(1))
    clock.now += 150 * DAY_S
    entry = book.learn(restart_helped(2))
    assert entry.learned_from_incident_ids == ("INC-2",)
    assert restarts_seen(book) == (1.0, 0.0)


@pytest.mark.parametrize("jump_s", [-3_600.0, 3_600.0, -3_650 * DAY_S, 3_650 * DAY_S])
def test_a_clock_that_jumps_and_comes_back_leaves_all_as_it_was(jump_s: float) -> None:
    clock, store = Clock(), KeptRows()
    book = runbook(clock, store)
    book.learn(restart_helped(1))
    before = book.export()
    clock.now += jump_s
    book.export(), book.matches(leak(2)), book.experience(leak(2))
    clock.now -= jump_s
    assert book.export() == before == runbook(clock, store).export()


def test_what_was_learned_by_a_clock_ten_years_ahead_does_not_outlive_all_else() -> None:
    clock = Clock()
    book = runbook(clock)
    book.learn(restart_helped(1))
    clock.now += 3_650 * DAY_S
    book.learn(restart_failed(2))
    clock.now -= 3_650 * DAY_S
    assert restarts_seen(book) == (1.0, 0.0)


def test_learning_while_the_clock_is_wrong_deletes_nothing() -> None:
    clock, store = Clock(), KeptRows()
    book = runbook(clock, store)
    book.learn(restart_helped(1))
    clock.now += 3_650 * DAY_S
    book.learn(restart_helped(2))
    assert sorted(store.rows) == ["lesson:INC-1", "lesson:INC-2"]


def test_relearning_a_known_incident_that_is_stale_changes_nothing() -> None:
    clock, store = Clock(), KeptRows()
    book = runbook(clock, store)
    book.learn(restart_helped(1))
    rows = dict(store.rows)
    clock.now += 3_650 * DAY_S
    book.learn(restart_helped(1))
    assert store.rows == rows


def test_what_another_responder_learned_is_seen_after_a_moment() -> None:
    clock, store = Clock(), KeptRows()
    mine, other = runbook(clock, store), runbook(clock, store)
    other.learn(restart_helped(1))
    clock.now += 2.0
    assert restarts_seen(mine) == pytest.approx((1.0, 0.0), abs=1e-3)
    mine.learn(restart_helped(1))
    assert len(store.rows) == 1


def test_two_responders_learn_side_by_side_without_losing_a_lesson() -> None:
    clock, store = Clock(), KeptRows()
    mine, other = runbook(clock, store), runbook(clock, store)
    for number in range(4):
        (mine, other)[number % 2].learn(restart_helped(number))
    mine.learn(ended(full_disk(9)))
    assert {e.resolved for e in runbook(clock, store).export()} == {4, 1}
