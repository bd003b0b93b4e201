"""Writers of one process take turns."""

import threading

import pytest

from responder.store.turn import NoTurnError, Turn


def test_writers_come_in_the_order_they_asked() -> None:
    turn, came = Turn(timeout_s=30.0, most_waiting=5), list[int]()

    def write(number: int) -> None:
        with turn:
            came.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    with turn:
        for thread in threads:
            before = turn.waiting
            thread.start()
            while turn.waiting == before:
                pass
    for thread in threads:
        thread.join()
    assert came == [0, 1, 2, 3, 4]


def test_a_turn_that_does_not_come_in_time_is_given_up_and_the_next_one_comes() -> None:
    turn = Turn(timeout_s=0.01, most_waiting=5)
    with turn:
        refused = threading.Event()

        def write() -> None:
            with pytest.raises(NoTurnError), turn:
                pass
            refused.set()

        threading.Thread(target=write).start()
        assert refused.wait(30.0)
    with turn:
        pass
    assert turn.waiting == 0


def test_an_error_hands_the_turn_on() -> None:
    turn = Turn(timeout_s=0.01, most_waiting=5)
    with pytest.raises(LookupError), turn:
        raise LookupError
    with turn:
        pass


def test_who_comes_when_enough_wait_is_refused_at_once() -> None:
    turn = Turn(timeout_s=30.0, most_waiting=1)

    def write() -> None:
        with turn:
            pass

    with turn:
        waiting = threading.Thread(target=write)
        waiting.start()
        while turn.waiting == 0:
            pass
        with pytest.raises(NoTurnError, match="1 writers wait already"), turn:
            pass
    waiting.join()


def test_where_several_write_at_once_the_next_one_waits_for_any_of_them() -> None:
    turn = Turn(timeout_s=0.01, most_waiting=1, at_once=2)
    with turn:
        with turn, pytest.raises(NoTurnError), turn:
            pass
        with turn:
            pass
