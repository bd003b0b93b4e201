"""Exactly once: what the pipeline does with a step that was interrupted, and with one that ended."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from pipeline_doubles import Bench

from responder.incident_record import ActionKind, ActionOutcome, PipelineState, VerificationOutcome
from responder.remediate import StepOutcome

P = ParamSpec("P")
T = TypeVar("T", str, int, dict[str, str])


class Killed(BaseException):
    """Stands for kill -9: no handler of the pipeline sees it."""


class RecordedSteps:
    """Keeps the results of steps as a durable library does, and dies at the step it is told to."""

    def __init__(self) -> None:
        self.results: list[object] = []
        self.position = 0
        self.die_after: str | None = None
        self.names: list[str] = []

    def step(self, name: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.position += 1
        if self.position <= len(self.results):
            return self.results[self.position - 1]  # type: ignore[return-value]  # as it was recorded
        result = function(*args, **kwargs)
        self.names.append(name)
        if name == self.die_after:
            self.die_after = None
            raise Killed  # done, and dead before the result was kept
        self.results.append(result)
        return result

    def restart(self) -> None:
        self.position = 0


@pytest.fixture
def steps() -> RecordedSteps:
    return RecordedSteps()


@pytest.fixture
def bench(tmp_path: Path, steps: RecordedSteps) -> Iterator[Bench]:
    bench = Bench(tmp_path, steps)
    yield bench
    bench.store.database.close()


STEPS = (
    "settle",
    "analyse",
    "deliberate",
    "rule",
    "begin action",
    "observe",
    "execute",
    "end action",
    "verify",
    "conclude",
    "learn",
    "state",
)


@pytest.mark.parametrize("name", STEPS)
def test_a_crash_at_the_end_of_any_step_repeats_nothing(
    bench: Bench, steps: RecordedSteps, name: str
) -> None:
    steps.die_after = name
    bench.receive()
    with pytest.raises(Killed):
        bench.pipeline.run("INC-1")
    steps.restart()
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert [action for action, _, _ in bench.remedies.performed] == [ActionKind.RESTART]
    assert len(record.actions) == 1
    assert len(record.decisions) == 1
    assert len({event.message for event in record.timeline}) == len(record.timeline)
    assert [event.seq for event in record.timeline] == list(range(1, len(record.timeline) + 1))


def test_the_named_steps_are_all_there_are(bench: Bench, steps: RecordedSteps) -> None:
    bench.receive()
    bench.run()
    assert tuple(steps.names) == STEPS


def killed() -> None:
    raise Killed


@pytest.mark.parametrize(
    ("looked", "outcome", "performed"),
    [
        (StepOutcome.DONE, ActionOutcome.SUCCEEDED, 1),
        (StepOutcome.NOT_DONE, ActionOutcome.SUCCEEDED, 2),
        (StepOutcome.UNKNOWN, ActionOutcome.INTERRUPTED, 1),
    ],
)
def test_a_crash_in_the_middle_of_an_action_looks_before_it_acts(
    bench: Bench, steps: RecordedSteps, looked: StepOutcome, outcome: ActionOutcome, performed: int
) -> None:
    bench.remedies.on_perform = killed
    bench.remedies.looked = looked
    bench.receive()
    with pytest.raises(Killed):
        bench.pipeline.run("INC-1")
    bench.remedies.on_perform = lambda: None
    steps.restart()
    record = bench.run()
    assert record.actions[0].outcome is outcome
    assert len(bench.remedies.performed) == performed
    assert len({key for _, _, key in bench.remedies.performed}) == 1
    assert record.state is PipelineState.RESOLVED


def test_an_action_finished_after_a_crash_is_told_what_was_observed_before(
    bench: Bench, steps: RecordedSteps
) -> None:
    bench.remedies.on_perform = killed
    bench.remedies.looked = StepOutcome.NOT_DONE
    bench.receive()
    with pytest.raises(Killed):
        bench.pipeline.run("INC-1")
    bench.remedies.on_perform = lambda: None
    steps.restart()
    bench.run()
    assert bench.remedies.priors == [None, {"pid": "7"}]


def test_an_interrupted_action_that_did_not_help_is_followed_by_another(
    bench: Bench, steps: RecordedSteps
) -> None:
    bench.remedies.on_perform = killed
    bench.verifier.outcomes = [VerificationOutcome.NOT_RECOVERED]
    bench.receive()
    with pytest.raises(Killed):
        bench.pipeline.run("INC-1")
    bench.remedies.on_perform = lambda: None
    steps.restart()
    record = bench.run()
    assert [one.action for one in record.actions] == [ActionKind.RESTART, ActionKind.SCALE_UP]
    assert record.state is PipelineState.RESOLVED


def test_a_crash_in_taking_back_ends_with_it_taken_back_and_nothing_done_twice(
    bench: Bench, steps: RecordedSteps
) -> None:
    bench.verifier.outcomes = [VerificationOutcome.MADE_WORSE]
    bench.remedies.undoable = frozenset({ActionKind.RESTART})
    steps.die_after = "take back"
    bench.receive()
    with pytest.raises(Killed):
        bench.pipeline.run("INC-1")
    steps.restart()
    record = bench.run()
    assert record.state is PipelineState.RESOLVED
    assert record.actions[0].undo is ActionOutcome.SUCCEEDED
    assert [one[0] for one in bench.remedies.undone] == [ActionKind.RESTART]
    assert [one[0] for one in bench.remedies.performed] == [ActionKind.RESTART, ActionKind.SCALE_UP]
