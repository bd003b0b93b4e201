"""The runbook: every incident that ends teaches it, and every new one asks it."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from detector import Incident, IncidentType
from responder.incident_record import Experience, IncidentRecord, RunbookMatch
from responder.learn.appraisal import Appraisal
from responder.learn.config import RunbookConfig
from responder.learn.entry import RunbookEntry
from responder.learn.exchange import ExchangedEntry, ExchangedRunbook, together
from responder.learn.experience import Key, experience_of
from responder.learn.kept_shelf import KeptShelf, RunbookStore
from responder.learn.lesson import Feedback, Lesson, bounded_id, lesson_of, service_of
from responder.learn.patterns import patterns_of
from responder.learn.shelf import Group, text_of
from responder.learn.similarity import TextIndex

OTHER_CIRCUMSTANCES = 0.5
"""What an outcome is worth under other circumstances than those of the incident at hand."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many entries were taken in, and how many were known: imported before, or learned here."""

    added: int
    known: int


class Runbook:
    """Lessons, grouped by similarity of evidence. Thread-safe.

    Text only says which entries are shown, and in which order; what weighs on a choice (`experience`) rests
    on types, circumstances, services and outcomes. Past its bounds the oldest lessons go. What is stale is
    left out and kept until then, so that a clock that jumps hides it for as long as it is wrong, no longer.
    """

    def __init__(
        self,
        store: RunbookStore,
        clock: Callable[[], float],
        config: RunbookConfig | None = None,
        *,
        fits: Mapping[Key, float] | None = None,
        circumstances: Callable[[Incident], Iterable[str]] | None = None,
    ) -> None:
        """`clock`: seconds since the epoch. `fits`: how often an action is expected to help, by type; the
        Beta priors. `circumstances`: what besides its type tells an incident from others, in our words."""
        self._clock = clock
        self._config = config or RunbookConfig()
        self._circumstances = circumstances
        self._appraisal = Appraisal(self._config.decay, dict(fits or {}), self._config.max_patterns)
        self._lock = threading.Lock()
        self._kept = KeptShelf(store, clock, self._config)

    def warm_up(self) -> threading.Thread:
        """Prepare for the first question in a thread of its own, so that no incident waits for it."""

        def prepare() -> None:
            TextIndex().warm()  # the imports, without the lock
            with self._lock:
                self._kept.shelf.warm()

        thread = threading.Thread(target=prepare, name="runbook-warm-up", daemon=True)
        thread.start()
        return thread

    def matches(self, incident: Incident, limit: int = 3) -> tuple[RunbookMatch, ...]:
        """At most `limit` entries that resemble the incident, most similar first.

        Of equally similar ones (to a hundredth) those that know the service come first.
        """
        text = text_of(incident.type, self._patterns(incident))
        service, now = service_of(incident), self._clock()
        with self._lock:
            self._kept.refresh_if_due()
            found = [
                (group, similarity)
                for group, similarity in self._kept.shelf.similar(text)
                if similarity >= self._config.match_similarity and self._appraisal.lasts(group, now)
            ]
            found.sort(key=lambda f: (-round(f[1], 2), service not in f[0].services, f[0].entry_id))
            return tuple(self._appraisal.match(group, similarity, now) for group, similarity in found[:limit])

    def experience(self, incident: Incident) -> tuple[Experience, ...]:
        """What was seen of every action against every type, from the side of the incident's service."""
        now, decay = self._clock(), self._config.decay
        circumstances = self._circumstances_of(incident)

        def weight(lesson: Lesson) -> float:
            alike = 1.0 if lesson.circumstances == circumstances else OTHER_CIRCUMSTANCES
            return alike * decay.weight(lesson.learned_at, now)

        with self._lock:
            self._kept.refresh_if_due()
            groups = self._kept.shelf.groups
            lessons = [lesson for group in groups for lesson in group.lessons.values()]
        told = together(
            (one.entry.incident_type, self._appraisal.outcomes_told(one.entry), decay.weight(one.at, now))
            for one in (group.imported for group in groups)
            if one is not None
        )
        return experience_of(lessons, told, service=service_of(incident), weight=weight)

    def learn(self, record: IncidentRecord) -> RunbookEntry:
        """The entry that now knows of `record`; asked again about the same incident, it changes nothing.

        Raises ValueError when the record is not in a final state.
        """
        with self._lock:
            self._kept.refresh()
            group = self._kept.taught_by(bounded_id(record.incident.id))
            if group is None:
                group = self._kept.keep(self._lesson(record))
            return self._appraisal.entry(group, self._clock())

    def take_feedback(
        self, record: IncidentRecord, feedback: Feedback, also: Callable[[Any], object] | None = None
    ) -> Lesson:
        """The lesson of `record` with a human's word on it; the newest counts, and the same again (whoever
        says why, and when) changes nothing. `also` is called with the transaction that keeps it.

        Raises ValueError when the record is not in a final state.
        """
        with self._lock:
            self._kept.refresh()
            lesson = self._kept.lesson(bounded_id(record.incident.id)) or self._lesson(record)
            if lesson.feedback is None or not lesson.feedback.says_the_same_as(feedback):
                lesson = replace(lesson, feedback=feedback)
                self._kept.keep(lesson, also)
            return lesson

    def export(self) -> list[RunbookEntry]:
        """All entries that are not stale, the surest first."""
        now = self._clock()
        with self._lock:
            self._kept.refresh_if_due()
            entries = [
                self._appraisal.entry(group, now)
                for group in self._kept.shelf.groups
                if self._appraisal.lasts(group, now)
            ]
        return sorted(entries, key=lambda e: (-e.confidence, e.incident_type, e.entry_id))

    def sizes(self) -> dict[IncidentType, tuple[int, int]]:
        """By type, how many entries there are and how many incidents they rest on here."""
        with self._lock:
            self._kept.refresh_if_due()
            groups = self._kept.shelf.groups
        of_type = {kind: [one for one in groups if one.incident_type is kind] for kind in IncidentType}
        return {kind: (len(own), sum(len(one.lessons) for one in own)) for kind, own in of_type.items()}

    def take_in(self, runbook: ExchangedRunbook, also: Callable[[Any], object] | None = None) -> ImportResult:
        """Keep what another runbook tells, marked as imported; what is known already is not taken twice."""
        with self._lock:
            self._kept.refresh()
            new = {
                one.digest: unknown
                for one in runbook.entries
                if not self._kept.has_imported(one.digest) and (unknown := self._unknown_of(one))
            }
            self._kept.keep_imported(new, also)
        return ImportResult(added=len(new), known=len(runbook.entries) - len(new))

    # What follows is called with the lock held.

    def _lesson(self, record: IncidentRecord) -> Lesson:
        incident = record.incident
        patterns = self._patterns(incident)
        nearest = self._nearest(incident.type, patterns)
        digest = hashlib.sha256(bounded_id(incident.id).encode()).hexdigest()[:12]
        entry_id = f"RB-{digest}" if nearest is None else nearest.entry_id
        return lesson_of(record, entry_id, self._circumstances_of(incident), patterns, self._clock())

    def _nearest(self, incident_type: IncidentType, patterns: tuple[str, ...]) -> Group | None:
        """The most similar group of lessons of that type, None where none is similar enough."""
        own = [
            (similarity, group.entry_id, group)
            for group, similarity in self._kept.shelf.similar(text_of(incident_type, patterns))
            if similarity >= self._config.merge_similarity
            and group.incident_type is incident_type
            and group.imported is None
        ]
        return max(own, key=lambda one: one[:2])[2] if own else None

    def _unknown_of(self, told: ExchangedEntry) -> ExchangedEntry | None:
        """Without the incidents that taught this runbook itself; None where nothing is left."""
        masked = told.masked()
        ids = tuple(i for i in masked.learned_from_incident_ids if self._kept.taught_by(i) is None)
        return masked.model_copy(update={"learned_from_incident_ids": ids}) if ids else None

    def _patterns(self, incident: Incident) -> tuple[str, ...]:
        return patterns_of(incident, self._config.max_patterns, self._config.max_pattern_chars)

    def _circumstances_of(self, incident: Incident) -> tuple[str, ...]:
        return () if self._circumstances is None else tuple(sorted(self._circumstances(incident)))
