"""Breaker and budget, with a clock of the test."""

import threading
from dataclasses import dataclass

from responder.diagnose.llm import Budget, CircuitBreaker, Price
from responder.diagnose.llm.breaker import BreakerState


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(failures=2, open_s=60.0, clock=clock)
    for _ in range(2):
        assert breaker.enter()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = opened(Clock())
    assert breaker.state is BreakerState.OPEN
    assert not breaker.enter()


def test_a_success_between_starts_the_count_again() -> None:
    breaker = CircuitBreaker(2, 60.0, Clock())
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.state is BreakerState.CLOSED


def test_after_a_while_one_call_is_let_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 60.0
    assert breaker.state is BreakerState.HALF_OPEN
    assert [breaker.enter() for _ in range(3)] == [True, False, False]


def test_the_probes_success_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 60.0
    assert breaker.enter()
    breaker.succeeded()
    assert [breaker.enter() for _ in range(3)] == [True, True, True]


def test_the_probes_failure_opens_it_for_as_long_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 60.0
    assert breaker.enter()
    breaker.failed()
    clock.now += 59.0
    assert not breaker.enter()
    clock.now += 1.0
    assert breaker.enter()


def test_a_probe_that_was_not_made_lets_the_next_one_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 60.0
    assert breaker.enter()
    breaker.given_back()
    assert breaker.enter()


def test_being_told_to_wait_opens_it_at_once_and_for_so_long() -> None:
    clock = Clock()
    breaker = CircuitBreaker(5, 10.0, clock)
    breaker.failed(retry_after_s=300.0)
    clock.now += 299.0
    assert not breaker.enter()
    clock.now += 1.0
    assert breaker.enter()


def test_tokens_of_an_hour_are_bounded() -> None:
    budget = Budget(1000, 1.0, Price(), Clock())
    assert budget.reserve(600, 300)
    assert budget.reserve(100, 100) is None
    assert budget.reserve(50, 50)


def test_what_a_call_did_not_use_is_given_back() -> None:
    budget = Budget(1000, 1.0, Price(), Clock())
    call = budget.reserve(600, 300)
    assert call is not None
    budget.settle(call, 100, 20)
    assert budget.spent == (120, 0.0)
    assert budget.reserve(600, 280)


def test_the_hour_slides() -> None:
    clock = Clock()
    budget = Budget(1000, 1.0, Price(), clock)
    assert budget.reserve(900, 0)
    clock.now += 3599.0
    assert budget.reserve(900, 0) is None
    clock.now += 1.0
    assert budget.reserve(900, 0)


def test_money_is_bounded_by_the_price() -> None:
    budget = Budget(10_000_000, 0.01, Price(usd_in=1.0, usd_out=5.0), Clock())
    assert budget.reserve(4000, 1000)
    assert budget.spent == (5000, 0.009)
    assert budget.reserve(4000, 1000) is None


def test_a_model_without_a_price_is_not_held_back_by_money() -> None:
    assert Budget(10_000, 0.0, Price(), Clock()).reserve(100, 100)


def test_calls_at_once_cannot_overdraw() -> None:
    budget = Budget(1000, 1.0, Price(), Clock())
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(budget.reserve(100, 0))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in got) == 10
