"""The executor for supervisord: restarts, starts, stops and replicas of its programs."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from responder.incident_record import ActionOutcome
from responder.redaction import redact
from responder.remediate.declaration import ExecutorKind
from responder.remediate.executor import ActionResult, PriorState, StepOutcome
from responder.remediate.supervisor_control import ProcessControl, StepError
from responder.remediate.supervisor_rpc import ProcessInfo, ProcessState, SupervisorClient, SupervisorError
from responder.remediate.supervisor_step import (
    Operation,
    Restart,
    ScaleDown,
    ScaleUp,
    Start,
    Stop,
    SupervisorConnection,
    SupervisorStep,
)

_UP = frozenset({ProcessState.STARTING, ProcessState.RUNNING})
_REPLICA = _UP | {ProcessState.BACKOFF}
# STOPPED and STOPPING are somebody's decision: a restart leaves such a process alone.
_WANTED = _REPLICA | {ProcessState.EXITED, ProcessState.FATAL}
_DETAIL_LIMIT = 500
_UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A process as it was observed."""

    state: ProcessState
    pid: int
    start: int


_Before = Mapping[str, _Seen]


class SupervisorExecutor:
    """Implements `Executor` for `Operation`.

    The prior state is each concerned process's state, pid and start time. With `prior` given, `perform`
    finishes an interrupted step: what was restarted since then is left alone, and what the interrupted
    restart had stopped is started.
    """

    def __init__(
        self,
        client: SupervisorClient,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._monotonic = monotonic
        self._sleep = sleep

    def observe(self, step: Operation) -> PriorState:
        """`group:name` to `STATE pid start`; `unreachable` and why when supervisord does not answer."""
        try:
            return {p.full_name: f"{p.state.name} {p.pid} {p.start}" for p in self._select(step)}
        except (SupervisorError, StepError) as error:
            return {_UNREACHABLE: redact(str(error), _DETAIL_LIMIT)}

    def already_done(self, step: Operation, prior: PriorState) -> StepOutcome:
        """Compares the processes now with `prior`."""
        before = _read_prior(prior)
        if before is None:
            return StepOutcome.UNKNOWN
        try:
            now = self._select(step)
        except (SupervisorError, StepError):
            return StepOutcome.UNKNOWN
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

    def perform(self, step: Operation, key: str, prior: PriorState | None = None) -> ActionResult:  # noqa: ARG002  # supervisord has no use for the key
        """Succeeds when every process to start is RUNNING and every process to stop is gone."""
        control = ProcessControl(
            client=self._client,
            timeout_s=step.timeout_s,
            kill_after_s=step.kill_after_s,
            started_at=self._monotonic(),
            monotonic=self._monotonic,
            sleep=self._sleep,
        )
        before = None if prior is None else _read_prior(prior)
        try:
            result = _do(step, control, self._select(step), before)
        except (SupervisorError, StepError) as error:
            result = ActionResult(ActionOutcome.FAILED, str(error))
        return ActionResult(result.outcome, redact(result.detail, _DETAIL_LIMIT))

    def _select(self, step: Operation) -> list[ProcessInfo]:
        """The processes the step is about, in the natural order of their names."""
        program = f"{step.group}:*" if isinstance(step, ScaleUp | ScaleDown) else step.program
        group, colon, name = program.partition(":")
        wanted = name if colon else group
        known = self._client.processes()
        chosen = [p for p in known if p.group == group and wanted in ("*", p.name)]
        if not chosen:
            names = ", ".join(sorted(p.full_name for p in known)) or "no program at all"
            raise StepError(f"supervisord knows no '{program}'; it knows {names}")
        return sorted(chosen, key=lambda p: _natural(p.name))


def _do(
    step: Operation, control: ProcessControl, processes: list[ProcessInfo], before: _Before | None
) -> ActionResult:
    match step:
        case Restart():
            return _restart(step, control, processes, before)
        case Start():
            down = [p for p in processes if p.state is not ProcessState.RUNNING]
            control.start(down)
            return _succeeded("started", down, "all were running already")
        case Stop():
            running = [p for p in processes if p.state in _REPLICA or p.pid]
            control.stop(running)
            return _succeeded("stopped", running, "none was running")
        case ScaleUp():
            return _scale_up(step, control, processes, before)
        case ScaleDown():
            return _scale_down(step, control, processes, before)


def _restart(
    step: Restart, control: ProcessControl, processes: list[ProcessInfo], before: _Before | None
) -> ActionResult:
    if before is None:
        chosen = [p for p in processes if p.state in _WANTED] or processes[:1]
    else:
        names = _wanted(before)
        chosen = [
            p
            for p in processes
            if p.full_name in names and _renewed(before[p.full_name], p) is not StepOutcome.DONE
        ]
    for i in range(0, len(chosen), step.at_once):
        control.restart(chosen[i : i + step.at_once])
    return _succeeded("restarted", chosen, "all were restarted already")


def _scale_up(
    step: ScaleUp, control: ProcessControl, processes: list[ProcessInfo], before: _Before | None
) -> ActionResult:
    running = _count(processes)
    goal = _goal(step, processes if before is None else before.values())
    if running >= step.max_replicas:
        return ActionResult(
            ActionOutcome.REFUSED, f"{running} replicas run, max_replicas is {step.max_replicas}"
        )
    stopped = [p for p in processes if p.state is ProcessState.STOPPED]
    chosen = stopped[: max(0, goal - running)]
    if goal > running and not chosen:
        raise StepError(
            f"no stopped program is left in group '{step.group}'; declare more of them in supervisord"
        )
    control.start(chosen)
    return _succeeded(
        "started", chosen, "they had been started already", f", now {running + len(chosen)} replicas"
    )


def _scale_down(
    step: ScaleDown, control: ProcessControl, processes: list[ProcessInfo], before: _Before | None
) -> ActionResult:
    replicas = [p for p in processes if p.state in _REPLICA]
    goal = _goal(step, processes if before is None else before.values())
    if len(replicas) <= step.min_replicas:
        return ActionResult(
            ActionOutcome.REFUSED, f"{len(replicas)} replicas run, min_replicas is {step.min_replicas}"
        )
    newest_first = sorted(replicas, key=lambda p: (p.start, _natural(p.name)), reverse=True)
    chosen = newest_first[: max(0, len(replicas) - goal)]
    control.stop(chosen)
    return _succeeded(
        "stopped", chosen, "they had been stopped already", f", now {len(replicas) - len(chosen)} replicas"
    )


def _goal(step: ScaleUp | ScaleDown, processes: Iterable[ProcessInfo | _Seen]) -> int:
    """How many replicas there are to be, counted from `processes`."""
    if isinstance(step, ScaleUp):
        return min(step.max_replicas, _count(processes) + step.by)
    return max(step.min_replicas, _count(processes) - step.by)


def _count(processes: Iterable[ProcessInfo | _Seen]) -> int:
    return sum(p.state in _REPLICA for p in processes)


def _wanted(before: _Before) -> set[str]:
    """The names a restart chose: those wanted, or else the first one."""
    return {name for name, seen in before.items() if seen.state in _WANTED} or {min(before, key=_natural)}


def _restarted(before: _Before, now: list[ProcessInfo]) -> StepOutcome:
    """NOT_DONE if one process certainly was not restarted, UNKNOWN if one is in doubt."""
    current = {p.full_name: p for p in now}
    answers = {
        _renewed(before[name], current[name]) if name in current else StepOutcome.UNKNOWN
        for name in _wanted(before)
    }
    for answer in (StepOutcome.NOT_DONE, StepOutcome.UNKNOWN):
        if answer in answers:
            return answer
    return StepOutcome.DONE


def _renewed(seen: _Seen, now: ProcessInfo) -> StepOutcome:
    """Was this process started anew since it was `seen`?

    In doubt where supervisord may have done it by itself: a process that was trying to start tries again
    on its own, and one that was started anew may have failed since.
    """
    same = (seen.pid, seen.start) == (now.pid, now.start)
    if same or now.state in (ProcessState.STOPPED, ProcessState.STOPPING):
        return StepOutcome.NOT_DONE
    by_itself = seen.state in (ProcessState.STARTING, ProcessState.BACKOFF)
    return StepOutcome.DONE if now.state in _UP and not by_itself else StepOutcome.UNKNOWN


def _read_prior(prior: PriorState) -> _Before | None:
    """None when nothing was seen before the step."""
    before = {}
    for name, text in prior.items():
        state, _, numbers = text.partition(" ")
        pid, _, start = numbers.partition(" ")
        if name == _UNREACHABLE or state not in ProcessState.__members__ or not (pid + start).isdigit():
            return None
        before[name] = _Seen(ProcessState[state], int(pid), int(start))
    return before or None


def _succeeded(verb: str, processes: list[ProcessInfo], otherwise: str, after: str = "") -> ActionResult:
    names = ", ".join(p.full_name for p in processes)
    return ActionResult(ActionOutcome.SUCCEEDED, f"{verb} {names}{after}" if processes else otherwise)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which `app-2` comes before `app-10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _build(connection: SupervisorConnection, environ: Mapping[str, str]) -> SupervisorExecutor:  # noqa: ARG001  # the connection says all
    return SupervisorExecutor(SupervisorClient(connection.url))


KIND = ExecutorKind("supervisor", SupervisorStep, _build, SupervisorConnection)
