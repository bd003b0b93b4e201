"""Drills: an analyst whose first proposal is forced, to see how a wrong first action is dealt with."""

from dataclasses import replace

from responder.diagnose.analyst import Analyst
from responder.incident_record import ActionKind, Case, Diagnosis, DiagnosisOutcome, ProposedAction


class DrillAnalyst:
    """Puts one action before the proposals of another analyst, in an incident's first attempt only.

    The action must be allowed for the service, and the council votes on it as on any other; its reason
    says that it is a drill.
    """

    def __init__(self, analyst: Analyst, action: ActionKind) -> None:
        self._analyst = analyst
        self._action = action
        self.name = f"{analyst.name}+drill"

    def diagnose(self, case: Case) -> Diagnosis:
        """The other analyst's diagnosis, with the drill's action proposed first."""
        diagnosis = self._analyst.diagnose(case)
        if case.tried or diagnosis.outcome is not DiagnosisOutcome.FAULT or self._action not in case.allowed:
            return diagnosis
        best = diagnosis.proposals[0].action if diagnosis.proposals else "nothing"
        drill = ProposedAction(
            action=self._action,
            target=case.incident.service,
            reason=f"Drill: {self._action} is forced as the first action; the diagnosis proposes {best}.",
            confidence=diagnosis.confidence,
        )
        others = tuple(one for one in diagnosis.proposals if one.action is not self._action)
        return replace(diagnosis, proposals=(drill, *others), analyst=self.name, calibrated=False)
