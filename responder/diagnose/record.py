"""What the runbook says about a remedy, as counts that a prior can be updated with."""

from dataclasses import dataclass

from detector import IncidentType
from responder.diagnose.reading import share
from responder.incident_record import ActionKind, Case

SIMILAR_ENOUGH = 0.5
"""Runbook entries less similar than this say nothing about the incident at hand."""

PRIOR_WEIGHT = 4.0
"""How many observed outcomes the expectation of a remedy's fit is worth."""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How often a remedy helped in similar incidents, each counted by its similarity."""

    successes: float
    failures: float

    @property
    def count(self) -> float:
        """All outcomes."""
        return self.successes + self.failures

    def updated(self, fit: float) -> float:
        """The mean of a Beta distribution with prior mean `fit`, after these outcomes."""
        return (PRIOR_WEIGHT * fit + self.successes) / (PRIOR_WEIGHT + self.count)

    def __str__(self) -> str:
        return f"{self.successes:.0f} of {self.count:.0f}"


def track_record(case: Case, incident_type: IncidentType, action: ActionKind) -> TrackRecord:
    """The record of `action` in runbook entries that resemble the incident and are of `incident_type`."""
    successes = failures = 0.0
    for match in case.matches:
        similarity = share(match.similarity)
        if match.incident_type is not incident_type or similarity < SIMILAR_ENOUGH:
            continue
        for past in match.outcomes:
            if past.action is action:
                successes += similarity * max(0, past.successes)
                failures += similarity * max(0, past.failures)
    return TrackRecord(successes, failures)
