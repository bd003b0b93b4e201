"""The state machine of an incident, as a durable workflow of plain steps.

    RECEIVED → ANALYSING → COUNCIL_REVIEW → APPROVED → EXECUTING → (SCALING) → VERIFYING → RESOLVED
                               ▲    │  │        ▲                                  │
                               │    │  └▶ AWAITING_APPROVAL (where policy asks a human)
                               │    └──▶ REJECTED, ESCALATED                       │
                               └───────── did not help, attempts are left ─────────┘

FAILED from everywhere, when the pipeline itself cannot go on. `Pipeline.run` is the workflow; the steps
are in `deciding`, `permitting`, `acting` and `ending` beside this file.
"""

import logging
from collections.abc import Callable

from responder.incident_record import ActionOutcome, PipelineState
from responder.pipeline.durable import Steps
from responder.pipeline.next_step import Next
from responder.pipeline.steps import PipelineSteps
from responder.telemetry import PipelineMetrics

_LOG = logging.getLogger(__name__)

_End = tuple[Next, str]
"""How the way ended, and why in words where the table below does not know them."""

_ENDS: dict[Next, tuple[PipelineState, str]] = {
    Next.RECOVERED: (PipelineState.RESOLVED, "Resolved: the recovery is verified from telemetry"),
    Next.OVER: (PipelineState.RESOLVED, "Resolved: the fault is over by itself, as is reported"),
    Next.NOTHING_WRONG: (PipelineState.REJECTED, "Nothing is wrong, so nothing is done"),
    Next.NOT_ENOUGH_EVIDENCE: (
        PipelineState.ESCALATED,
        "A human is needed: the evidence is not enough for a diagnosis",
    ),
    Next.NOTHING_ALLOWED: (
        PipelineState.ESCALATED,
        "A human is needed: the catalogue allows nothing that would help this service",
    ),
    Next.NOT_APPROVED: (PipelineState.ESCALATED, "A human is needed: no proposal (any more) was approved"),
    Next.NOT_HELPED: (PipelineState.ESCALATED, "A human is needed: nothing that was tried helped"),
}


class Pipeline:
    """Leads an incident from step to step, at most `max_attempts` times through council and action.

    What a step answers is all that decides how it goes on, so that a workflow that runs again from the top
    takes the way it took before.
    """

    def __init__(
        self, steps: PipelineSteps, durable: Steps, metrics: PipelineMetrics, max_attempts: int
    ) -> None:
        self._deciding = steps.deciding
        self._permitting = steps.permitting
        self._acting = steps.acting
        self._ending = steps.ending
        self._undoing = steps.undoing
        self._do = durable.step
        self._metrics = metrics
        self._max_attempts = max_attempts

    def run(self, incident_id: str) -> str:
        """Work the incident off; answers its final state, or AWAITING_APPROVAL where a human is asked.
        An error in it fails this incident alone."""
        return self._guarded(incident_id, lambda: self._from_the_beginning(incident_id))

    def go_on(self, incident_id: str, attempt: int, rank: int) -> str:
        """As `run`, from the proposal on that waited for a human: it was answered, or need not be."""
        return self._guarded(incident_id, lambda: self._from_the_answer(incident_id, attempt, rank))

    def _guarded(self, incident_id: str, way: Callable[[], _End]) -> str:
        try:
            step, why = way()
            if step is not Next.AWAIT:
                self._do("conclude", self._ending.conclude, incident_id, *_final(step, why))
                self._do("learn", self._ending.learn, incident_id)
        except Exception as error:  # noqa: BLE001 - one incident's error must not end the others; it is counted
            _LOG.exception("the pipeline failed on %s", incident_id)
            self._metrics.outlived("pipeline", error)
            self._do("fail", self._ending.fail, incident_id, f"{type(error).__name__}: {error}")
        return self._do("state", self._ending.state, incident_id)

    def _from_the_beginning(self, incident_id: str) -> _End:
        self._do("settle", self._deciding.settle, incident_id)
        return self._attempts(incident_id, 1)

    def _from_the_answer(self, incident_id: str, attempt: int, rank: int) -> _End:
        end = self._attempt(incident_id, attempt, rank, answered=rank)
        return self._attempts(incident_id, attempt + 1) if end is None else end

    def _attempts(self, incident_id: str, first: int) -> _End:
        for attempt in range(first, self._max_attempts + 1):
            found = Next(self._do("analyse", self._deciding.analyse, incident_id, attempt))
            if found is not Next.PROCEED:
                return found, ""
            end = self._attempt(incident_id, attempt, 0)
            if end is not None:
                return end
        return Next.NOT_HELPED, ""

    def _attempt(self, incident_id: str, attempt: int, rank: int, answered: int | None = None) -> _End | None:
        """Decide, act and verify, from the proposal of that rank on; None when it did not help.

        `answered`: the rank of the proposal that a human has answered."""
        while True:
            step, why = self._ruling(incident_id, attempt, rank, resumed=rank == answered)
            if step is Next.DECLINED:
                rank += 1
                continue
            if step is not Next.PROCEED:
                return step, why
            steps = self._do("begin action", self._acting.begin_action, incident_id, attempt, rank)
            if steps:
                return self._action_way(incident_id, attempt, steps)
            # The policy changed its mind in between: it is asked again.

    def _ruling(self, incident_id: str, attempt: int, rank: int, resumed: bool) -> _End:
        voted = Next(self._do("deliberate", self._deciding.deliberate, incident_id, attempt, rank))
        if voted is not Next.PROCEED:
            return voted, ""
        ruled = self._do("rule", self._permitting.rule, incident_id, attempt, rank, resumed)
        return Next(ruled["next"]), ruled["why"]

    def _action_way(self, incident_id: str, attempt: int, steps: int) -> _End | None:
        for index in range(steps):
            prior = self._do("observe", self._acting.observe, incident_id, attempt, index)
            outcome = self._do("execute", self._acting.execute, incident_id, attempt, index, prior)
            if outcome != ActionOutcome.SUCCEEDED:
                break
        ended = ActionOutcome(self._do("end action", self._acting.end_action, incident_id, attempt))
        if ended not in (ActionOutcome.FAILED, ActionOutcome.REFUSED):
            seen = Next(self._do("verify", self._ending.verify, incident_id, attempt))
            if seen is Next.RECOVERED:
                return seen, ""
        self._do("take back", self._undoing.take_back, incident_id, attempt)
        return None


def _final(step: Next, why: str) -> tuple[PipelineState, str]:
    if step is Next.REFUSED:
        return PipelineState.ESCALATED, f"A human is needed: {why}"
    return _ENDS[step]
