"""The catalogue joined with the executors: the only way by which anything is ever done to a service."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from responder.incident_record import ActionKind, ActionOutcome
from responder.remediate.catalogue import Catalogue, Step, read_catalogue
from responder.remediate.declaration import ExecutorKind
from responder.remediate.executor import ActionResult, DryRun, Executor, PriorState, StepOutcome, Undoable
from responder.remediate.kinds import KINDS

_PLAIN_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class Remedies:
    """What may be done, and doing it. Thread-safe: nothing in it changes.

    What is not in the catalogue is `REFUSED`. `NOOP` is known for every service, has one step and does
    nothing. Errors of the world outside are answered, never raised (see `Executor`).
    """

    def __init__(self, catalogue: Catalogue, executors: Mapping[str, Executor[Any]]) -> None:
        """`executors`: by the name their steps begin with; each step's must be there, else KeyError."""
        for actions in catalogue.services.values():
            for step in (step for steps in actions.values() for step in steps):
                executors[step.executor]
        self._catalogue = catalogue
        self._executors = executors

    def services(self) -> frozenset[str]:
        """The services something may be done with."""
        return frozenset(self._catalogue.services)

    def allowed(self, service: str) -> frozenset[ActionKind]:
        """The actions declared for `service`, without `NOOP`; empty when it is not in the catalogue."""
        return frozenset(self._catalogue.services.get(service, ()))

    def step_count(self, service: str, action: ActionKind) -> int:
        """How many steps to perform, at least 1: what is not declared has one step, and that is refused."""
        return max(1, len(self._steps(service, action)))

    def time_limit_s(self, service: str, action: ActionKind, index: int) -> float:
        """How many seconds performing a step may take at most."""
        step = self._step(service, action, index)
        return 0.0 if step is None else step.spec.time_limit_s()

    def at_once(self, service: str, action: ActionKind) -> int | None:
        """How many instances the steps touch at the same time, at most; None where one cannot tell."""
        touched = [step.spec.touches() for step in self._steps(service, action)]
        return None if None in touched else max((one for one in touched if one is not None), default=0)

    def observe(self, service: str, action: ActionKind, index: int) -> PriorState:
        """The state before a step (`index` from 0), to be kept until the step is done."""
        step = self._step(service, action, index)
        return {} if step is None else self._executors[step.executor].observe(step.spec)

    def already_done(self, service: str, action: ActionKind, index: int, prior: PriorState) -> StepOutcome:
        """After a crash: did the step take effect since `prior`? What is never done is `NOT_DONE`."""
        step = self._step(service, action, index)
        if step is None:
            return StepOutcome.NOT_DONE
        return self._executors[step.executor].already_done(step.spec, prior)

    def perform(
        self, service: str, action: ActionKind, index: int, key: str, prior: PriorState | None = None
    ) -> ActionResult:
        """Do one step. `prior`: only to finish a step that a crash interrupted (see `Executor.perform`)."""
        if action is ActionKind.NOOP:
            return ActionResult(ActionOutcome.SUCCEEDED, "nothing was to be done")
        step = self._step(service, action, index)
        if step is None:
            return ActionResult(ActionOutcome.REFUSED, self._why_refused(service, action, index))
        return self._executors[step.executor].perform(step.spec, _plain(key), prior)

    def dry_run(self, service: str, action: ActionKind, index: int) -> DryRun:
        """What one step would do now; changes nothing."""
        if action is ActionKind.NOOP:
            return DryRun(True, "nothing is to be done")
        step = self._step(service, action, index)
        if step is None:
            return DryRun(False, self._why_refused(service, action, index))
        return self._executors[step.executor].dry_run(step.spec)

    def can_undo(self, service: str, action: ActionKind, index: int) -> bool:
        """Whether one step can be taken back."""
        step = self._step(service, action, index)
        if step is None:
            return False
        executor = self._executors[step.executor]
        return isinstance(executor, Undoable) and executor.can_undo(step.spec)

    def undo(self, service: str, action: ActionKind, index: int, prior: PriorState, key: str) -> ActionResult:
        """Take back one step; `prior` as observed before it. May be repeated. What has no undo is `REFUSED`.

        The steps of an action are taken back in reverse order, each with its own `prior`.
        """
        step = self._step(service, action, index)
        if step is None:
            return ActionResult(ActionOutcome.REFUSED, self._why_refused(service, action, index))
        executor = self._executors[step.executor]
        if not isinstance(executor, Undoable) or not executor.can_undo(step.spec):
            return ActionResult(ActionOutcome.REFUSED, f"step {index} of {action} cannot be taken back")
        return executor.undo(step.spec, prior, _plain(key))

    def _steps(self, service: str, action: ActionKind) -> tuple[Step, ...]:
        return self._catalogue.services.get(service, {}).get(action, ())

    def _step(self, service: str, action: ActionKind, index: int) -> Step | None:
        steps = self._steps(service, action)
        return steps[index] if 0 <= index < len(steps) else None

    def _why_refused(self, service: str, action: ActionKind, index: int) -> str:
        name = service[:100]
        if service not in self._catalogue.services:
            return f"{name} is not in the catalogue"
        if not self._steps(service, action):
            return f"the catalogue does not declare {action} for {name}"
        return f"{action} for {name} has no step {index}"


def _plain(key: str) -> str:
    """The key as it may travel in headers, environments and labels."""
    if _PLAIN_KEY.fullmatch(key):
        return key
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def load_remedies(path: Path, environ: Mapping[str, str], kinds: Sequence[ExecutorKind] = KINDS) -> Remedies:
    """Reads the catalogue and makes the executors it uses. Raises `CatalogueError`."""
    catalogue = read_catalogue(path, environ, kinds)
    used = {
        step.executor
        for actions in catalogue.services.values()
        for steps in actions.values()
        for step in steps
    }
    executors = {
        kind.name: kind.build(catalogue.connections.get(kind.name), environ)
        for kind in kinds
        if kind.name in used
    }
    return Remedies(catalogue, executors)
