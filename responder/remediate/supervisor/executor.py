"""The executor for supervisord: restarts, starts, stops and replicas of its programs."""

import time
from collections.abc import Callable, Mapping

from responder.incident_record import ActionOutcome
from responder.redaction import redact
from responder.remediate.declaration import ExecutorKind
from responder.remediate.executor import ActionResult, DryRun, PriorState, StepOutcome
from responder.remediate.step_error import StepError, StepRefusedError
from responder.remediate.supervisor.choice import (
    Choice,
    choose,
    choose_undo,
    done_since,
    natural,
    read_prior,
)
from responder.remediate.supervisor.control import ProcessControl
from responder.remediate.supervisor.rpc import ProcessInfo, SupervisorClient, SupervisorError
from responder.remediate.supervisor.step import (
    Operation,
    Restart,
    ScaleDown,
    ScaleUp,
    SupervisorConnection,
    SupervisorStep,
)

_DETAIL_LIMIT = 500
_UNREACHABLE = "unreachable"


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
        before = read_prior(prior)
        if before is None:
            return StepOutcome.UNKNOWN
        try:
            now = self._select(step)
        except (SupervisorError, StepError):
            return StepOutcome.UNKNOWN
        return done_since(step, before, now)

    def dry_run(self, step: Operation) -> DryRun:
        """The processes the step would touch now."""
        try:
            choice = choose(step, self._select(step), None)
        except (SupervisorError, StepError, StepRefusedError) as error:
            return DryRun(False, redact(str(error), _DETAIL_LIMIT))
        return DryRun(True, redact(choice.intended, _DETAIL_LIMIT))

    def perform(self, step: Operation, key: str, prior: PriorState | None = None) -> ActionResult:  # noqa: ARG002  # supervisord has no use for the key
        """Succeeds when every process to start is RUNNING and every process to stop is gone."""
        before = None if prior is None else read_prior(prior)
        return self._carry_out(step, lambda: choose(step, self._select(step), before))

    def can_undo(self, step: Operation) -> bool:
        """All but a restart: what it ended is gone."""
        return not isinstance(step, Restart)

    def undo(self, step: Operation, prior: PriorState, key: str) -> ActionResult:  # noqa: ARG002  # as in perform
        """Stops what the step started, starts what it stopped."""
        before = read_prior(prior)
        if before is None:
            return ActionResult(ActionOutcome.FAILED, "what ran before the step is not known")
        return self._carry_out(step, lambda: choose_undo(step, self._select(step), before))

    def _carry_out(self, step: Operation, chosen: Callable[[], Choice]) -> ActionResult:
        control = ProcessControl(
            client=self._client,
            timeout_s=step.timeout_s,
            kill_after_s=step.kill_after_s,
            started_at=self._monotonic(),
            monotonic=self._monotonic,
            sleep=self._sleep,
        )
        outcome = ActionOutcome.SUCCEEDED
        try:
            choice = chosen()
            _do(choice, control, step.at_once if isinstance(step, Restart) else 1)
            detail = choice.done
        except StepRefusedError as refusal:
            outcome, detail = ActionOutcome.REFUSED, str(refusal)
        except (SupervisorError, StepError) as error:
            outcome, detail = ActionOutcome.FAILED, str(error)
        return ActionResult(outcome, redact(detail, _DETAIL_LIMIT))

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
        return sorted(chosen, key=lambda p: natural(p.name))


def _do(choice: Choice, control: ProcessControl, at_once: int) -> None:
    match choice.verb:
        case "restart":
            for i in range(0, len(choice.processes), at_once):
                control.restart(choice.processes[i : i + at_once])
        case "start":
            control.start(choice.processes)
        case "stop":
            control.stop(choice.processes)


def _build(connection: SupervisorConnection, environ: Mapping[str, str]) -> SupervisorExecutor:  # noqa: ARG001  # the connection says all
    return SupervisorExecutor(SupervisorClient(connection.url))


KIND = ExecutorKind("supervisor", SupervisorStep, _build, SupervisorConnection)
