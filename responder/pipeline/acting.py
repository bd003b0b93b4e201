"""The steps of an action: write down that it begins, look, perform, write down what became of it."""

from responder import telemetry_registry as told
from responder.audit import AuditKind
from responder.incident_record import ActionKind, ActionOutcome, PipelineState, Verdict
from responder.pipeline.case_files import CaseFiles
from responder.pipeline.execution import Execution
from responder.pipeline.messages import acted, named
from responder.pipeline.permitting import Permitting
from responder.store import StepRef

_SCALING = frozenset({ActionKind.SCALE_UP, ActionKind.SCALE_DOWN})


class Acting:
    """Carries out what was approved, each step of it once."""

    def __init__(self, files: CaseFiles, permitting: Permitting, execution: Execution) -> None:
        self._files = files
        self._permitting = permitting
        self._execution = execution

    def begin_action(self, incident_id: str, attempt: int, rank: int) -> int:
        """Write down that the approved action begins; answers how many steps it has.

        0, and nothing has begun, where the policy does not permit it any more.
        """
        files = self._files
        row = files.row(incident_id)
        decision = files.decision(incident_id, attempt, rank)
        proposal = decision.proposal
        # What is not in the catalogue is not done, whatever was voted and ruled before.
        if proposal.action not in files.rooms.remedies.allowed(row.incident.service):
            raise PermissionError(f"{proposal.action} is not allowed for {row.incident.service}")
        risky = decision.verdict is Verdict.APPROVED_RISKY
        # The policy counts what has begun: of two that ask at once, the second must see the first begun.
        with files.store.database.exclusively(f"actions on {proposal.target}"):
            begun = any(one.attempt == attempt for one in files.store.journal.actions(incident_id))
            if not begun and not self._permitting.still_permitted(row, decision, rank):
                return 0
            files.store.journal.begin_action(incident_id, attempt, proposal, risky=risky, at=files.clock())
        files.audit(
            AuditKind.ACTION_BEGUN,
            row,
            "responder",
            {
                "attempt": attempt,
                "action": proposal.action.value,
                "target": proposal.target,
                "risky": risky,
            },
            key=f"begun:{attempt}",
        )
        message = f"Attempt {attempt}: {named(decision)} begins"
        files.move(row, PipelineState.EXECUTING, message, f"{attempt}.execute")
        return files.rooms.remedies.step_count(row.incident.service, proposal.action)

    def observe(self, incident_id: str, attempt: int, index: int) -> dict[str, str]:
        """What the executor sees before it acts, to tell after a crash whether it did."""
        action = self._files.action(incident_id, attempt)
        return dict(self._files.rooms.remedies.observe(action.target, action.action, index))

    def execute(self, incident_id: str, attempt: int, index: int, prior: dict[str, str]) -> ActionOutcome:
        """Perform one step of the action, once."""
        files = self._files
        row = files.row(incident_id)
        action = files.action(incident_id, attempt)
        ref = StepRef(incident_id, attempt, index)
        if action.action in _SCALING:
            message = f"Replicas of {action.target} are being changed"
            files.move(row, PipelineState.SCALING, message, f"{attempt}.scale")
        with files.stages.stage(told.EXECUTE, row.incident) as span:
            result = self._execution.perform(action, ref, prior)
            span.set_attributes(
                {
                    "aegisops.action": action.action.value,
                    "aegisops.action.target": action.target,
                    "aegisops.action.attempt": attempt,
                    "aegisops.action.step": index,
                    "aegisops.action.risky": action.risky,
                    "aegisops.action.outcome": result.outcome.value,
                }
            )
        return result.outcome

    def end_action(self, incident_id: str, attempt: int) -> ActionOutcome:
        """Write down what became of the action as a whole: what became of its last step."""
        files = self._files
        steps = files.store.journal.steps(incident_id, attempt)
        outcome = steps[-1].outcome
        detail = "; ".join(step.detail for step in steps if step.detail)
        files.store.journal.end_action(incident_id, attempt, outcome, detail, at=files.clock())
        action = files.action(incident_id, attempt)
        files.metrics.acted(action)
        files.audit(
            AuditKind.ACTION_ENDED,
            files.row(incident_id),
            "responder",
            {
                "attempt": attempt,
                "action": action.action.value,
                "target": action.target,
                "outcome": action.outcome.value,
                "detail": action.detail,
            },
            key=f"ended:{attempt}",
        )
        files.note(files.row(incident_id), acted(action), f"{attempt}.executed")
        return outcome
