"""Which of supervisord's processes a step is about to touch: decided by looking, before anything is done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from responder.remediate.executor import PriorState, StepOutcome
from responder.remediate.replicas import natural
from responder.remediate.step_error import StepError, StepRefusedError
from responder.remediate.supervisor.rpc import ProcessInfo, ProcessState
from responder.remediate.supervisor.step import Operation, Restart, ScaleDown, ScaleUp, Start, Stop

_UP = frozenset({ProcessState.STARTING, ProcessState.RUNNING})
_REPLICA = _UP | {ProcessState.BACKOFF}
# STOPPED and STOPPING are somebody's decision: a restart leaves such a process alone.
_WANTED = _REPLICA | {ProcessState.EXITED, ProcessState.FATAL}

_PAST = {"restart": "restarted", "start": "started", "stop": "stopped"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A process as it was observed."""

    state: ProcessState
    pid: int
    start: int


Before = Mapping[str, Seen]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be done to which processes. `otherwise`: what is so where there are none; `after`: what
    will be so afterwards."""

    verb: Literal["restart", "start", "stop"]
    processes: Sequence[ProcessInfo]
    otherwise: str
    after: str = ""

    @property
    def intended(self) -> str:
        """The choice in words, before it is carried out."""
        names = ", ".join(p.full_name for p in self.processes)
        return f"would {self.verb} {names}{self.after}" if names else f"would do nothing: {self.otherwise}"

    @property
    def done(self) -> str:
        """The choice in words, after it was carried out."""
        names = ", ".join(p.full_name for p in self.processes)
        return f"{_PAST[self.verb]} {names}{self.after}" if names else self.otherwise


def choose(step: Operation, processes: list[ProcessInfo], before: Before | None) -> Choice:
    """What `step` touches; `before` given: what is left of it. Raises `StepError`, `StepRefusedError`."""
    match step:
        case Restart():
            return Choice("restart", _to_restart(processes, before), "all were restarted already")
        case Start():
            down = [p for p in processes if p.state is not ProcessState.RUNNING]
            return Choice("start", down, "all were running already")
        case Stop():
            running = [p for p in processes if p.state in _REPLICA or p.pid]
            return Choice("stop", running, "none was running")
        case ScaleUp():
            return _scale_up(step, processes, before)
        case ScaleDown():
            return _scale_down(step, processes, before)


def choose_undo(step: Operation, processes: list[ProcessInfo], before: Before) -> Choice:
    """What brings back `before`: a process the step did not change is not touched."""
    ran = {name for name, seen in before.items() if seen.state in _REPLICA}
    known = [p for p in processes if p.full_name in before]
    if isinstance(step, Start | ScaleUp):
        started = [p for p in known if p.state in _REPLICA and p.full_name not in ran]
        return Choice("stop", started, "what had been started was stopped already")
    stopped = [p for p in known if p.state not in _REPLICA and p.full_name in ran]
    return Choice("start", stopped, "what had been stopped runs already")


def done_since(step: Operation, before: Before, now: list[ProcessInfo]) -> StepOutcome:
    """Did `step` take effect since `before`?"""
    match step:
        case Restart():
            return _restarted(before, now)
        case Start():
            done = all(p.state in _UP for p in now)
        case Stop():
            done = all(p.pid == 0 and p.state not in _REPLICA for p in now)
        case ScaleUp():
            done = _count(before.values()) < _goal(step, before.values()) <= _count(now)
        case ScaleDown():
            done = _count(before.values()) > _goal(step, before.values()) >= _count(now)
    return StepOutcome.DONE if done else StepOutcome.NOT_DONE


def write_prior(processes: Iterable[ProcessInfo]) -> PriorState:
    """`read_prior` reads it back."""
    return {p.full_name: f"{p.state.name} {p.pid} {p.start}" for p in processes}


def read_prior(prior: PriorState) -> Before | None:
    """None when nothing was seen before the step."""
    before = {}
    for name, text in prior.items():
        state, _, numbers = text.partition(" ")
        pid, _, start = numbers.partition(" ")
        if not name or state not in ProcessState.__members__ or not (pid + start).isdigit():
            return None
        before[name] = Seen(ProcessState[state], int(pid), int(start))
    return before or None


def _to_restart(processes: list[ProcessInfo], before: Before | None) -> list[ProcessInfo]:
    if before is None:
        return [p for p in processes if p.state in _WANTED] or processes[:1]
    names = _wanted(before)
    return [
        p
        for p in processes
        if p.full_name in names and _renewed(before[p.full_name], p) is not StepOutcome.DONE
    ]


def _scale_up(step: ScaleUp, processes: list[ProcessInfo], before: Before | None) -> Choice:
    running = _count(processes)
    goal = _goal(step, processes if before is None else before.values())
    if running >= step.max_replicas:
        raise StepRefusedError(f"{running} replicas run, max_replicas is {step.max_replicas}")
    stopped = [p for p in processes if p.state is ProcessState.STOPPED]
    chosen = stopped[: max(0, goal - running)]
    if goal > running and not chosen:
        raise StepError(
            f"no stopped program is left in group '{step.group}'; declare more of them in supervisord"
        )
    return Choice("start", chosen, "they had been started already", f", now {running + len(chosen)} replicas")


def _scale_down(step: ScaleDown, processes: list[ProcessInfo], before: Before | None) -> Choice:
    replicas = [p for p in processes if p.state in _REPLICA]
    goal = _goal(step, processes if before is None else before.values())
    if len(replicas) <= step.min_replicas:
        raise StepRefusedError(f"{len(replicas)} replicas run, min_replicas is {step.min_replicas}")
    newest_first = sorted(replicas, key=lambda p: (p.start, natural(p.name)), reverse=True)
    chosen = newest_first[: max(0, len(replicas) - goal)]
    return Choice(
        "stop", chosen, "they had been stopped already", f", now {len(replicas) - len(chosen)} replicas"
    )


def _goal(step: ScaleUp | ScaleDown, processes: Iterable[ProcessInfo | Seen]) -> int:
    """How many replicas there are to be, counted from `processes`."""
    if isinstance(step, ScaleUp):
        return min(step.max_replicas, _count(processes) + step.by)
    return max(step.min_replicas, _count(processes) - step.by)


def _count(processes: Iterable[ProcessInfo | Seen]) -> int:
    return sum(p.state in _REPLICA for p in processes)


def _wanted(before: Before) -> set[str]:
    """The names a restart chose: those wanted, or else the first one."""
    return {name for name, seen in before.items() if seen.state in _WANTED} or {min(before, key=natural)}


def _restarted(before: Before, now: list[ProcessInfo]) -> StepOutcome:
    """NOT_DONE if one process certainly was not restarted, UNKNOWN if one is in doubt."""
    current = {p.full_name: p for p in now}
    return StepOutcome.of_all(
        _renewed(before[name], current[name]) if name in current else StepOutcome.UNKNOWN
        for name in _wanted(before)
    )


def _renewed(seen: Seen, now: ProcessInfo) -> StepOutcome:
    """Was this process started anew since it was `seen`?

    In doubt where supervisord may have done it by itself: a process that was trying to start tries again
    on its own, and one that was started anew may have failed since.
    """
    same = (seen.pid, seen.start) == (now.pid, now.start)
    if same or now.state in (ProcessState.STOPPED, ProcessState.STOPPING):
        return StepOutcome.NOT_DONE
    by_itself = seen.state in (ProcessState.STARTING, ProcessState.BACKOFF)
    return StepOutcome.DONE if now.state in _UP and not by_itself else StepOutcome.UNKNOWN
