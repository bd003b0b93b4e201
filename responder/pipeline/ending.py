"""The steps after an action: verify it, conclude the incident, learn from it."""

from dataclasses import replace

from responder import telemetry_registry as told
from responder.audit import AuditKind
from responder.incident_record import PipelineState, VerificationOutcome
from responder.pipeline.case_files import CaseFiles
from responder.pipeline.messages import verified
from responder.pipeline.next_step import Next


class Ending:
    """From what was done to what came of it."""

    def __init__(self, files: CaseFiles) -> None:
        self._files = files

    def verify(self, incident_id: str, attempt: int) -> Next:
        """Wait for what the telemetry says about the action."""
        files = self._files
        row = files.row(incident_id)
        action = files.action(incident_id, attempt)
        message = f"Waiting for the telemetry to show whether {action.action} helped"
        files.move(row, PipelineState.VERIFYING, message, f"{attempt}.verify")
        # The detector knows an incident that came by webhook first under an id of its own.
        asked = replace(row.incident, id=row.detector_id)
        with files.stages.stage(told.VERIFY, row.incident) as span:
            verification = files.rooms.verifier.verify(asked, action.ended_at or action.started_at)
            span.set_attributes(
                {
                    "aegisops.action": action.action.value,
                    "aegisops.verification.outcome": verification.outcome.value,
                    "aegisops.verification.series": [one.series for one in verification.series[:20]],
                }
            )
        outcome, detail = verification.outcome, verification.detail
        files.store.journal.save_verification(incident_id, attempt, outcome, detail)
        diagnosis = files.diagnosis(incident_id, attempt)
        files.metrics.verified(row.incident, files.action(incident_id, attempt), diagnosis)
        files.audit(
            AuditKind.VERIFICATION,
            row,
            "responder",
            {"attempt": attempt, "action": action.action.value, "outcome": outcome.value, "detail": detail},
            key=f"verification:{attempt}",
        )
        files.note(row, verified(outcome, detail), f"{attempt}.verified")
        return Next.RECOVERED if outcome is VerificationOutcome.RECOVERED else Next.NOT_HELPED

    def conclude(self, incident_id: str, state: PipelineState, message: str) -> str:
        """Move to the final state."""
        row = self._files.row(incident_id)
        actions = self._files.store.journal.actions(incident_id)
        if state is PipelineState.RESOLVED and not actions:
            message += "; no action was taken"
        elif actions:
            message += " (" + ", ".join(f"{one.action} of {one.target}" for one in actions) + ")"
        self._files.move(row, state, message, "end")
        return state

    def learn(self, incident_id: str) -> str:
        """Give the incident that ended to the runbook."""
        files = self._files
        record = files.store.records.get(incident_id)
        if record is None:
            raise LookupError(f"no incident {incident_id}")
        with files.stages.stage(told.LEARN, record.incident) as span:
            span.set_attribute("aegisops.state", record.state.value)
            files.rooms.runbook.learn(record)
        return ""

    def fail(self, incident_id: str, reason: str) -> str:
        """Move to FAILED, unless the incident has ended already."""
        row = self._files.row(incident_id)
        self._files.move(row, PipelineState.FAILED, f"The pipeline cannot go on: {reason}", "end")
        return ""

    def state(self, incident_id: str) -> str:
        """Where the incident stands."""
        return self._files.row(incident_id).state
