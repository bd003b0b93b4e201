"""What the runbook has seen of a remedy, and how far that moves what is expected of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from detector import IncidentType
from responder.diagnose.cause import Cause
from responder.incident_record import ActionKind, Case, Experience, WeighedOutcomes
from responder.learn.posterior import on_service


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What was seen of a remedy in incidents of one type; `experience` says where."""

    experience: Experience

    @property
    def successes(self) -> float:
        """Weighed; each other service counts for one outcome at most, and what was imported for none."""
        return self.experience.here.successes + self.experience.elsewhere.successes

    @property
    def failures(self) -> float:
        """Weighed like `successes`."""
        return self.experience.here.failures + self.experience.elsewhere.failures

    @property
    def count(self) -> float:
        """All outcomes."""
        return self.successes + self.failures

    def updated(self, fit: float) -> float:
        """The chance that it helps: the posterior mean, where `fit` was expected before anything was seen.

        The mean and no bound of the interval: a remedy that does not help is followed by the next, so the
        best order is by chance of success, and a bound would punish what was seldom tried.
        """
        return on_service(fit, self.experience).mean

    def __str__(self) -> str:
        here, elsewhere = self.experience.here, self.experience.elsewhere
        told = []
        if here.seen:
            told.append(f"it helped in {_of(here)} on this service")
        if elsewhere.seen:
            told.append(f"{'' if told else 'it helped '}in {_of(elsewhere)} on others")
        return " and ".join(told) or "it was not seen before"


def track_record(case: Case, incident_type: IncidentType, action: ActionKind) -> TrackRecord:
    """What was seen of `action` against incidents of `incident_type`."""
    known = (e for e in case.experience if e.incident_type is incident_type and e.action is action)
    return TrackRecord(next(known, Experience(incident_type, action)))


def expected_fits(causes: Iterable[Cause]) -> Mapping[tuple[IncidentType, ActionKind], float]:
    """What is expected of each remedy for a type: its fit for the cause it fits best."""
    fits: dict[tuple[IncidentType, ActionKind], float] = {}
    for cause in causes:
        for remedy in cause.remedies:
            key = (cause.type, remedy.action)
            fits[key] = max(remedy.fit, fits.get(key, 0.0))
    return fits


def _of(outcomes: WeighedOutcomes) -> str:
    if outcomes.seen == 1:
        return "the one similar incident" if outcomes.helped else "none of 1 similar incident"
    if outcomes.helped in (0, outcomes.seen):
        return f"{'all' if outcomes.helped else 'none'} of {outcomes.seen} similar incidents"
    return f"{outcomes.helped} of {outcomes.seen} similar incidents"
