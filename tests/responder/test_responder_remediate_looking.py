"""What executors have in common that look at the other side, shown by one whose other side is a number."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from responder.incident_record import ActionOutcome
from responder.remediate import Executor, PriorState, StepOutcome, Undoable
from responder.remediate.declaration import Declared
from responder.remediate.looking import LookingExecutor
from responder.remediate.step_error import StepError, StepRefusedError
from responder.remediate.time_limit import TimeLimit


class Count(Declared):
    """Count to `goal`."""

    goal: int
    timeout_s: float = 5.0


@dataclass
class Counter:
    """The other side; `error` is what every look at it comes to."""

    value: int = 0
    error: StepError | None = None
    limits: list[TimeLimit] = field(default_factory=list)
    open: int = 0


class CountingExecutor(LookingExecutor[Count, Counter, int]):
    def __init__(self, counter: Counter) -> None:
        super().__init__(monotonic=lambda: 100.0)
        self._counter = counter

    @contextmanager
    def session(self, step: Count, limit: TimeLimit) -> Iterator[Counter]:
        self._counter.limits.append(limit)
        self._counter.open += 1
        try:
            yield self._counter
        finally:
            self._counter.open -= 1

    def remember(self, session: Counter, step: Count) -> PriorState:
        return {"value": str(_look(session))}

    def recall(self, prior: PriorState) -> int | None:
        return int(prior["value"]) if "value" in prior else None

    def done_since(self, session: Counter, step: Count, before: int) -> StepOutcome:
        return StepOutcome.DONE if _look(session) == step.goal != before else StepOutcome.NOT_DONE

    def intended(self, session: Counter, step: Count) -> str:
        return f"would count from {_look(session)} to {step.goal}"

    def carry_out(self, session: Counter, step: Count, before: int | None, key: str) -> str:
        _look(session)
        session.value = step.goal
        return f"counted from {before} for {key}"

    def can_undo(self, step: Count) -> bool:
        return True

    def take_back(self, session: Counter, step: Count, before: int, key: str) -> str:
        _look(session)
        session.value = before
        return f"back at {before}"


def _look(counter: Counter) -> int:
    if counter.error is not None:
        raise counter.error
    return counter.value


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def executor(counter: Counter) -> CountingExecutor:
    return CountingExecutor(counter)


STEP = Count(goal=3)


def test_it_is_an_executor_that_can_take_back(executor: CountingExecutor) -> None:
    contract: Executor[Count] = executor
    assert isinstance(contract, Undoable)


def test_what_was_there_before_comes_back_as_it_was_read(
    executor: CountingExecutor, counter: Counter
) -> None:
    prior = executor.observe(STEP)
    assert executor.perform(STEP, "k", prior).detail == "counted from 0 for k"
    assert executor.already_done(STEP, prior) is StepOutcome.DONE
    assert executor.undo(STEP, prior, "k").detail == "back at 0"
    assert counter.value == 0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (StepError("broken"), ActionOutcome.FAILED),
        (StepError("no answer", in_doubt=True), ActionOutcome.INTERRUPTED),
        (StepRefusedError("too many"), ActionOutcome.REFUSED),
    ],
    ids=["failed", "in doubt", "refused"],
)
def test_an_error_is_answered_everywhere_and_raised_nowhere(
    executor: CountingExecutor, counter: Counter, error: StepError, outcome: ActionOutcome
) -> None:
    counter.error = error
    assert executor.observe(STEP) == {"unreachable": str(error)}
    assert executor.already_done(STEP, {"value": "0"}) is StepOutcome.UNKNOWN
    assert executor.dry_run(STEP).possible is False
    for result in (executor.perform(STEP, "k"), executor.undo(STEP, {"value": "0"}, "k")):
        assert (result.outcome, result.detail) == (outcome, str(error))
    assert counter.open == 0


def test_what_could_not_be_seen_is_not_taken_for_something_seen(executor: CountingExecutor) -> None:
    prior = {"unreachable": "no answer", "value": "3"}
    assert executor.already_done(STEP, prior) is StepOutcome.UNKNOWN
    assert executor.undo(STEP, prior, "k").outcome is ActionOutcome.FAILED


def test_each_call_has_the_time_of_its_step(executor: CountingExecutor, counter: Counter) -> None:
    executor.perform(Count(goal=1, timeout_s=7.0), "k")
    (limit,) = counter.limits
    assert (limit.seconds, limit.left_s, limit.over) == (7.0, 7.0, False)


def test_a_secret_in_what_is_said_is_masked(executor: CountingExecutor, counter: Counter) -> None:
    counter.error = StepError("refused: password=hunter2hunter2")
    for said in (executor.observe(STEP)["unreachable"], executor.perform(STEP, "k").detail):
        assert "hunter2" not in said


@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        ([], StepOutcome.UNKNOWN),
        ([StepOutcome.DONE, StepOutcome.DONE], StepOutcome.DONE),
        ([StepOutcome.DONE, StepOutcome.UNKNOWN], StepOutcome.UNKNOWN),
        ([StepOutcome.UNKNOWN, StepOutcome.NOT_DONE, StepOutcome.DONE], StepOutcome.NOT_DONE),
    ],
)
def test_a_step_of_several_parts_is_done_only_where_all_are_known_to_be(
    parts: list[StepOutcome], outcome: StepOutcome
) -> None:
    assert StepOutcome.of_all(parts) is outcome
