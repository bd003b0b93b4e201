"""The executor for supervisord: restarts, starts, stops and replicas of its programs."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from responder.remediate.declaration import ExecutorKind
from responder.remediate.executor import PriorState, StepOutcome
from responder.remediate.looking import LookingExecutor
from responder.remediate.replicas import natural
from responder.remediate.step_error import StepError
from responder.remediate.supervisor.choice import (
    Before,
    Choice,
    choose,
    choose_undo,
    done_since,
    read_prior,
    write_prior,
)
from responder.remediate.supervisor.control import ProcessControl
from responder.remediate.supervisor.rpc import ProcessInfo, SupervisorClient
from responder.remediate.supervisor.step import (
    Operation,
    Restart,
    ScaleDown,
    ScaleUp,
    SupervisorConnection,
    SupervisorStep,
)
from responder.remediate.time_limit import TimeLimit


class SupervisorExecutor(LookingExecutor[Operation, ProcessControl, Before]):
    """Succeeds when every process to start is RUNNING and every process to stop is gone.

    The prior state is each concerned process's state, pid and start time. An interrupted step is finished:
    what was restarted since then is left alone, and what the interrupted restart had stopped is started.
    """

    def __init__(
        self,
        client: SupervisorClient,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(monotonic, sleep)
        self._client = client

    def session(self, step: Operation, limit: TimeLimit) -> AbstractContextManager[ProcessControl]:
        """Nothing to open: each call is a connection of its own."""
        return nullcontext(ProcessControl(self._client, limit, step.kill_after_s))

    def remember(self, session: ProcessControl, step: Operation) -> PriorState:
        """`group:name` to `STATE pid start`."""
        return write_prior(_select(session, step))

    def recall(self, prior: PriorState) -> Before | None:
        """By `group:name`."""
        return read_prior(prior)

    def done_since(self, session: ProcessControl, step: Operation, before: Before) -> StepOutcome:
        """Compares the processes now with those before."""
        return done_since(step, before, _select(session, step))

    def intended(self, session: ProcessControl, step: Operation) -> str:
        """Names the processes the step would touch now."""
        return choose(step, _select(session, step), None).intended

    def carry_out(self, session: ProcessControl, step: Operation, before: Before | None, key: str) -> str:  # noqa: ARG002  # supervisord has no use for it
        """Restarts, starts or stops what was chosen by looking."""
        return _do(session, step, choose(step, _select(session, step), before))

    def can_undo(self, step: Operation) -> bool:
        """All but a restart: what it ended is gone."""
        return not isinstance(step, Restart)

    def take_back(self, session: ProcessControl, step: Operation, before: Before, key: str) -> str:  # noqa: ARG002  # as above
        """Stops what the step started, starts what it stopped."""
        return _do(session, step, choose_undo(step, _select(session, step), before))


def _select(control: ProcessControl, step: Operation) -> list[ProcessInfo]:
    """The processes the step is about, in the natural order of their names."""
    program = f"{step.group}:*" if isinstance(step, ScaleUp | ScaleDown) else step.program
    group, colon, name = program.partition(":")
    wanted = name if colon else group
    known = control.client.processes()
    chosen = [p for p in known if p.group == group and wanted in ("*", p.name)]
    if not chosen:
        names = ", ".join(sorted(p.full_name for p in known)) or "no program at all"
        raise StepError(f"supervisord knows no '{program}'; it knows {names}")
    return sorted(chosen, key=lambda p: natural(p.name))


def _do(control: ProcessControl, step: Operation, choice: Choice) -> str:
    at_once = step.at_once if isinstance(step, Restart) else 1
    match choice.verb:
        case "restart":
            for i in range(0, len(choice.processes), at_once):
                control.restart(choice.processes[i : i + at_once])
        case "start":
            control.start(choice.processes)
        case "stop":
            control.stop(choice.processes)
    return choice.done


def _build(connection: SupervisorConnection, environ: Mapping[str, str]) -> SupervisorExecutor:  # noqa: ARG001  # the connection says all
    return SupervisorExecutor(SupervisorClient(connection.url))


KIND = ExecutorKind("supervisor", SupervisorStep, _build, SupervisorConnection)
