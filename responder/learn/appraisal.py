"""What a group of lessons says at a time: whether it is stale, as an entry, as a match for an incident."""

from collections.abc import Mapping

from detector import IncidentType
from responder.incident_record import ActionKind, RunbookMatch, WeighedOutcomes
from responder.learn.decay import Decay
from responder.learn.entry import Fit, RunbookEntry, imported_entry, learned_entry, past_outcomes
from responder.learn.exchange import ExchangedEntry, pseudo_outcomes
from responder.learn.experience import Key
from responder.learn.posterior import Posterior
from responder.learn.shelf import Group

UNFORESEEN_FIT = 0.35
"""How often an action is expected to help against a type that no known cause names it for."""


class Appraisal:
    """`fits`: how often an action is expected to help, by type; `max_patterns`: of an entry."""

    def __init__(self, decay: Decay, fits: Mapping[Key, float], max_patterns: int) -> None:
        self._decay = decay
        self._fits = fits
        self._max_patterns = max_patterns

    def lasts(self, group: Group, now: float) -> bool:
        """Something of it is not stale."""
        return any(self._decay.weight(at, now) for at in group.times)

    def entry(self, group: Group, now: float) -> RunbookEntry:
        """All it says, what is stale left out unless all is."""

        fit = self._fit(group.incident_type)
        if (told := group.imported) is not None:
            outcomes, weight = self.outcomes_told(told.entry), self._decay.weight(told.at, now)
            return imported_entry(group.entry_id, told.entry, outcomes, at=told.at, weight=weight, fit=fit)
        lessons = list(group.lessons.values())
        weighed = [(one, self._decay.weight(one.learned_at, now)) for one in lessons]
        weighed = [one for one in weighed if one[1]] or weighed
        patterns = group.patterns(self._max_patterns)
        return learned_entry(
            group.entry_id, patterns, [one for one, _ in weighed], [weight for _, weight in weighed], fit
        )

    def outcomes_told(self, told: ExchangedEntry) -> Mapping[ActionKind, WeighedOutcomes]:
        """What an imported entry counts for, by action."""
        return pseudo_outcomes(told, self._fit(told.incident_type))

    def match(self, group: Group, similarity: float, now: float) -> RunbookMatch:
        """What it says to an incident that it is so similar to."""
        weight = self._decay.weight
        lessons = [one for one in group.lessons.values() if weight(one.learned_at, now)]
        resolved = sum(weight(one.learned_at, now) for one in lessons if one.resolved is True)
        unresolved = sum(weight(one.learned_at, now) for one in lessons if one.resolved is False)
        return RunbookMatch(
            entry_id=group.entry_id,
            incident_type=group.incident_type,
            similarity=similarity,
            confidence=Posterior(1.0 + resolved, 1.0 + unresolved).mean,
            outcomes=past_outcomes(lessons),
            incident_ids=tuple(one.incident_id for one in lessons),
        )

    def _fit(self, incident_type: IncidentType) -> Fit:
        return lambda action: self._fits.get((incident_type, action), UNFORESEEN_FIT)
