"""The step that takes an action back: one that did not help, made something worse, or failed half way."""

from responder import telemetry_registry as told
from responder.audit import AuditKind
from responder.incident_record import ActionOutcome, ActionRecord, PipelineState
from responder.pipeline.case_files import CaseFiles
from responder.pipeline.execution import Execution
from responder.pipeline.messages import taken_back
from responder.store import StepRef


class Undoing:
    """Brings back what was there before an action, as far as its executors can."""

    def __init__(self, files: CaseFiles, execution: Execution) -> None:
        self._files = files
        self._execution = execution

    def take_back(self, incident_id: str, attempt: int) -> str:
        """Undo the steps that were begun, the last one first; answers the outcome, "" where nothing of the
        action can be undone. After a crash it runs again: what was brought back already is left alone."""
        files = self._files
        action = files.action(incident_id, attempt)
        if action.undo not in (None, ActionOutcome.STARTED):
            return action.undo
        undoable = self._undoable(incident_id, action)
        if not undoable:
            return ""
        row = files.row(incident_id)
        message = f"Attempt {attempt}: {action.action} of {action.target} is being taken back"
        files.move(row, PipelineState.EXECUTING, message, f"{attempt}.undo")
        with files.stages.stage(told.UNDO, row.incident) as span:
            result = self._execution.undo(action, undoable)
            span.set_attributes(
                {
                    "aegisops.action": action.action.value,
                    "aegisops.action.target": action.target,
                    "aegisops.action.attempt": attempt,
                    "aegisops.action.outcome": result.outcome.value,
                }
            )
        action = files.action(incident_id, attempt)
        files.metrics.undone(action)
        files.audit(
            AuditKind.ACTION_UNDONE,
            row,
            "responder",
            {
                "attempt": attempt,
                "action": action.action.value,
                "target": action.target,
                "outcome": result.outcome.value,
                "detail": result.detail,
            },
            key=f"undone:{attempt}",
        )
        files.note(row, taken_back(action), f"{attempt}.undone")
        return result.outcome

    def _undoable(self, incident_id: str, action: ActionRecord) -> list[tuple[StepRef, dict[str, str]]]:
        remedies = self._files.rooms.remedies
        steps = self._files.store.journal.steps(incident_id, action.attempt)
        return [
            (StepRef(incident_id, action.attempt, index), dict(step.prior))
            for index, step in reversed(list(enumerate(steps)))
            if step.outcome is not ActionOutcome.REFUSED
            and remedies.can_undo(action.target, action.action, index)
        ]
