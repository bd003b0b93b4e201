"""The state machine of an incident, as a durable workflow of plain steps.

    RECEIVED → ANALYSING → COUNCIL_REVIEW → APPROVED → EXECUTING → (SCALING) → VERIFYING → RESOLVED
                               ▲    │                                              │
                               │    └──▶ REJECTED, ESCALATED                       │
                               └───────── did not help, attempts are left ─────────┘

FAILED from everywhere, when the pipeline itself cannot go on. `Pipeline.run` is the workflow; the steps
are in `deciding`, `acting` and `ending` beside this file.
"""

import logging

from responder.incident_record import ActionOutcome, PipelineState
from responder.pipeline.durable import Steps
from responder.pipeline.next_step import Next
from responder.pipeline.steps import PipelineSteps
from responder.telemetry import PipelineMetrics

_LOG = logging.getLogger(__name__)

_ENDS: dict[Next, tuple[PipelineState, str]] = {
    Next.RECOVERED: (PipelineState.RESOLVED, "Resolved: the recovery is verified from telemetry"),
    Next.OVER: (PipelineState.RESOLVED, "Resolved: the detector reports that the fault is over by itself"),
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
        self._acting = steps.acting
        self._ending = steps.ending
        self._do = durable.step
        self._metrics = metrics
        self._max_attempts = max_attempts

    def run(self, incident_id: str) -> str:
        """Work the incident off; answers its final state. An error in it fails this incident alone."""
        try:
            end = self._way(incident_id)
            self._do("conclude", self._ending.conclude, incident_id, *_ENDS[end])
            self._do("learn", self._ending.learn, incident_id)
        except Exception as error:  # noqa: BLE001 - one incident's error must not end the others; it is counted
            _LOG.exception("the pipeline failed on %s", incident_id)
            self._metrics.outlived("pipeline", error)
            self._do("fail", self._ending.fail, incident_id, f"{type(error).__name__}: {error}")
        return self._do("state", self._ending.state, incident_id)

    def _way(self, incident_id: str) -> Next:
        self._do("settle", self._deciding.settle, incident_id)
        for attempt in range(1, self._max_attempts + 1):
            found = Next(self._do("analyse", self._deciding.analyse, incident_id, attempt))
            if found is not Next.PROCEED:
                return found
            rank, ruling = self._council_way(incident_id, attempt)
            if ruling is not Next.PROCEED:
                return ruling
            if self._action_way(incident_id, attempt, rank) in (ActionOutcome.FAILED, ActionOutcome.REFUSED):
                continue
            if Next(self._do("verify", self._ending.verify, incident_id, attempt)) is Next.RECOVERED:
                return Next.RECOVERED
        return Next.NOT_HELPED

    def _council_way(self, incident_id: str, attempt: int) -> tuple[int, Next]:
        rank = 0
        while True:
            ruling = Next(self._do("deliberate", self._deciding.deliberate, incident_id, attempt, rank))
            if ruling is not Next.DECLINED:
                return rank, ruling
            rank += 1

    def _action_way(self, incident_id: str, attempt: int, rank: int) -> ActionOutcome:
        for index in range(self._do("begin action", self._acting.begin_action, incident_id, attempt, rank)):
            prior = self._do("observe", self._acting.observe, incident_id, attempt, index)
            outcome = self._do("execute", self._acting.execute, incident_id, attempt, index, prior)
            if outcome != ActionOutcome.SUCCEEDED:
                break
        return ActionOutcome(self._do("end action", self._acting.end_action, incident_id, attempt))
