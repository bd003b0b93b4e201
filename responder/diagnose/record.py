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
    """How often a remedy helped in similar incidents.

    `successes` and `failures` count each by its similarity; `seen_successes` of `seen` are whole counts,
    which are also what it reads as.
    """

    successes: float
    failures: float
    seen_successes: int
    seen: int

    @property
    def count(self) -> float:
        """All outcomes."""
        return self.successes + self.failures

    def updated(self, fit: float) -> float:
        """The mean of a Beta distribution with prior mean `fit`, after these outcomes."""
        return (PRIOR_WEIGHT * fit + self.successes) / (PRIOR_WEIGHT + self.count)

    def __str__(self) -> str:
        helped = self.seen_successes
        if self.seen == 1:
            return (
                "it helped in the one similar incident"
                if helped
                else "it did not help in the one similar incident"
            )
        if helped in (0, self.seen):
            return f"it helped in {'all' if helped else 'none'} of {self.seen} similar incidents"
        return f"it helped in {helped} of {self.seen} similar incidents"


def track_record(case: Case, incident_type: IncidentType, action: ActionKind) -> TrackRecord:
    """The record of `action` in runbook entries that resemble the incident and are of `incident_type`."""
    successes = failures = 0.0
    seen_successes = seen = 0
    for match in case.matches:
        similarity = share(match.similarity)
        if match.incident_type is not incident_type or similarity < SIMILAR_ENOUGH:
            continue
        for past in match.outcomes:
            if past.action is action:
                helped, failed = max(0, past.successes), max(0, past.failures)
                successes += similarity * helped
                failures += similarity * failed
                seen_successes += helped
                seen += helped + failed
    return TrackRecord(successes, failures, seen_successes, seen)
