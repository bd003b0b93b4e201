"""The runbook: every incident that ends teaches it, and every new one asks it."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pydantic import ValidationError

from detector import Incident, IncidentType
from responder.incident_record import ActionKind, Experience, IncidentRecord, RunbookMatch
from responder.learn.decay import Decay
from responder.learn.entry import RunbookEntry, imported_entry, learned_entry, past_outcomes
from responder.learn.exchange import (
    MAX_INCIDENT_IDS,
    MAX_PATTERN_CHARS,
    MAX_PATTERNS,
    ExchangedEntry,
    ExchangedRunbook,
    pseudo_outcomes,
    together,
)
from responder.learn.experience import Key, experience_of
from responder.learn.lesson import Feedback, Lesson, bounded_id, lesson_of, service_of
from responder.learn.patterns import patterns_of
from responder.learn.posterior import Posterior
from responder.learn.shelf import Group, Imported, Shelf, text_of
from responder.learn.similarity import TextIndex

_log = logging.getLogger(__name__)

UNFORESEEN_FIT = 0.35
"""How often an action is expected to help against a type that no known cause names it for."""

OTHER_CIRCUMSTANCES = 0.5
"""What an outcome is worth under other circumstances than those of the incident at hand."""

_LESSON = "lesson:"
_IMPORT = "import:"


class RunbookStore(Protocol):
    """Where lessons are kept, a row each. May block; where it raises, nothing is learned."""

    def versions(self) -> dict[str, float]:
        """When each row was last put, by its id."""
        ...

    def load(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The documents of those that are there, by id."""
        ...

    def put(
        self,
        documents: Mapping[str, Mapping[str, Any]],
        at: float,
        *,
        without: Iterable[str] = (),
        also: Callable[[Any], object] | None = None,
    ) -> None:
        """All or nothing: keep documents of JSON values in place of earlier ones, drop the rows of `without`,
        and call `also` with the transaction."""
        ...


@dataclass(frozen=True, slots=True)
class RunbookConfig:
    """Bounds, and the two similarities (cosines, 0 to 1).

    From `match_similarity` on an entry is worth showing, from `merge_similarity` on an incident belongs
    to it. `refresh_s`: how often at most is looked for what other responders learned.
    """

    decay: Decay = field(default_factory=Decay)
    match_similarity: float = 0.5
    merge_similarity: float = 0.6
    refresh_s: float = 2.0
    max_entries: int = 1_000
    max_imported: int = 1_000
    max_lessons: int = 5_000
    max_lessons_an_entry: int = MAX_INCIDENT_IDS
    max_patterns: int = MAX_PATTERNS
    max_pattern_chars: int = MAX_PATTERN_CHARS


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
        self._store = store
        self._clock = clock
        self._config = config or RunbookConfig()
        self._fits = dict(fits or {})
        self._circumstances = circumstances
        self._lock = threading.Lock()
        self._shelf = Shelf(self._config.max_patterns)
        self._versions: dict[str, float] = {}
        self._refreshed_at = clock()
        self._refresh()

    def warm_up(self) -> threading.Thread:
        """Prepare for the first question in a thread of its own, so that no incident waits for it."""

        def prepare() -> None:
            TextIndex().warm()  # the imports, without the lock
            with self._lock:
                self._shelf.warm()

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
            self._refresh_if_due(now)
            found = [
                (group, similarity)
                for group, similarity in self._shelf.similar(text)
                if similarity >= self._config.match_similarity and self._lasts(group, now)
            ]
            found.sort(key=lambda f: (-round(f[1], 2), service not in f[0].services, f[0].entry_id))
            return tuple(self._match(group, similarity, now) for group, similarity in found[:limit])

    def experience(self, incident: Incident) -> tuple[Experience, ...]:
        """What was seen of every action against every type, from the side of the incident's service."""
        now, decay = self._clock(), self._config.decay
        circumstances = self._circumstances_of(incident)

        def weight(lesson: Lesson) -> float:
            alike = 1.0 if lesson.circumstances == circumstances else OTHER_CIRCUMSTANCES
            return alike * decay.weight(lesson.learned_at, now)

        with self._lock:
            self._refresh_if_due(now)
            groups = self._shelf.groups
            lessons = [lesson for group in groups for lesson in group.lessons.values()]
        told = together(
            (one.entry.incident_type, self._pseudo_outcomes(one.entry), decay.weight(one.at, now))
            for one in (group.imported for group in groups)
            if one is not None
        )
        return experience_of(lessons, told, service=service_of(incident), weight=weight)

    def learn(self, record: IncidentRecord) -> RunbookEntry:
        """The entry that now knows of `record`; asked again about the same incident, it changes nothing.

        Raises ValueError when the record is not in a final state.
        """
        with self._lock:
            self._refresh()
            row_id = _LESSON + bounded_id(record.incident.id)
            group = self._shelf.holding(row_id) or self._keep(row_id, self._lesson(record))
            return self._entry(group, self._clock())

    def take_feedback(
        self, record: IncidentRecord, feedback: Feedback, also: Callable[[Any], object] | None = None
    ) -> Lesson:
        """The lesson of `record` with a human's word on it; the newest counts, and the same again (whoever
        says why, and when) changes nothing. `also` is called with the transaction that keeps it.

        Raises ValueError when the record is not in a final state.
        """
        with self._lock:
            self._refresh()
            row_id = _LESSON + bounded_id(record.incident.id)
            group = self._shelf.holding(row_id)
            lesson = self._lesson(record) if group is None else group.lessons[row_id]
            if lesson.feedback is None or not lesson.feedback.says_the_same_as(feedback):
                lesson = replace(lesson, feedback=feedback)
                self._keep(row_id, lesson, also)
            return lesson

    def export(self) -> list[RunbookEntry]:
        """All entries that are not stale, the surest first."""
        now = self._clock()
        with self._lock:
            self._refresh_if_due(now)
            entries = [self._entry(group, now) for group in self._shelf.groups if self._lasts(group, now)]
        return sorted(entries, key=lambda e: (-e.confidence, e.incident_type, e.entry_id))

    def sizes(self) -> dict[IncidentType, tuple[int, int]]:
        """By type, how many entries there are and how many incidents they rest on here."""
        with self._lock:
            self._refresh_if_due(self._clock())
            groups = self._shelf.groups
        of_type = {kind: [one for one in groups if one.incident_type is kind] for kind in IncidentType}
        return {kind: (len(own), sum(len(one.lessons) for one in own)) for kind, own in of_type.items()}

    def take_in(self, runbook: ExchangedRunbook, also: Callable[[Any], object] | None = None) -> ImportResult:
        """Keep what another runbook tells, marked as imported; what is known already is not taken twice."""
        now = self._clock()
        with self._lock:
            self._refresh()
            new: dict[str, Imported] = {}
            for told in runbook.entries:
                row_id, entry = _IMPORT + told.digest, self._unknown_of(told.masked())
                if entry is not None and self._shelf.holding(row_id) is None:
                    new[row_id] = Imported(entry, now)
            old = self._shelf.imported_rows
            without = old[: max(0, len(old) + len(new) - self._config.max_imported)]
            if new:
                documents = {row_id: one.to_document() for row_id, one in new.items()}
                self._store.put(documents, now, without=without, also=also)
                self._forget(without)
                for row_id, one in new.items():
                    self._shelf.put_imported(row_id, _imported_id(row_id), one)
                    self._versions[row_id] = now
        return ImportResult(added=len(new), known=len(runbook.entries) - len(new))

    # What follows is called with the lock held.

    def _refresh_if_due(self, now: float) -> None:
        if abs(now - self._refreshed_at) >= self._config.refresh_s:
            self._refresh()

    def _refresh(self) -> None:
        """Read what changed in the store: this runbook need not be the only one on it."""
        self._refreshed_at = self._clock()
        versions = self._store.versions()
        self._forget([row_id for row_id in self._versions if row_id not in versions])
        changed = [row_id for row_id, at in versions.items() if self._versions.get(row_id) != at]
        for row_id, document in sorted(self._store.load(changed).items()):
            self._versions[row_id] = versions[row_id]
            try:
                if row_id.startswith(_IMPORT):
                    imported = Imported.from_document(document)
                    self._shelf.put_imported(row_id, _imported_id(row_id), imported)
                else:
                    self._shelf.put(row_id, Lesson.from_document(document))
            except ValidationError as error:
                _log.warning("A kept lesson cannot be read and is left out: %d faults", error.error_count())

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
            for group, similarity in self._shelf.similar(text_of(incident_type, patterns))
            if similarity >= self._config.merge_similarity
            and group.incident_type is incident_type
            and group.imported is None
        ]
        return max(own, key=lambda one: one[:2])[2] if own else None

    def _keep(self, row_id: str, lesson: Lesson, also: Callable[[Any], object] | None = None) -> Group:
        now = self._clock()
        without = self._too_many(row_id, lesson.entry_id)
        self._store.put({row_id: lesson.to_document()}, now, without=without, also=also)
        self._forget(without)
        self._versions[row_id] = now
        return self._shelf.put(row_id, lesson)

    def _too_many(self, row_id: str, entry_id: str) -> list[str]:
        """The rows that make room: the oldest of its group, the oldest of all, or a whole group, the one that
        learned least recently."""
        config = self._config
        learned = {one.entry_id: one for one in self._shelf.groups if one.imported is None}
        own = [one for one in learned[entry_id].lessons if one != row_id] if entry_id in learned else []
        if len(own) >= config.max_lessons_an_entry:
            return own[: len(own) + 1 - config.max_lessons_an_entry]
        if entry_id not in learned and len(learned) >= config.max_entries:
            return list(min(learned.values(), key=lambda one: max(one.times)).lessons)
        times = [
            (at, row) for one in learned.values() for row, at in zip(one.lessons, one.times, strict=True)
        ]
        times = [(at, row) for at, row in times if row != row_id]
        return [min(times)[1]] if len(times) >= config.max_lessons else []

    def _forget(self, row_ids: Iterable[str]) -> None:
        for row_id in row_ids:
            self._versions.pop(row_id, None)
            self._shelf.forget(row_id)

    def _unknown_of(self, told: ExchangedEntry) -> ExchangedEntry | None:
        """Without the incidents that taught this runbook itself; None where nothing is left."""
        ids = tuple(i for i in told.learned_from_incident_ids if self._shelf.holding(_LESSON + i) is None)
        if not ids:
            return None
        return told.model_copy(update={"learned_from_incident_ids": ids})

    def _lasts(self, group: Group, now: float) -> bool:
        return any(self._config.decay.weight(at, now) for at in group.times)

    def _entry(self, group: Group, now: float) -> RunbookEntry:
        decay = self._config.decay

        def fit(action: ActionKind) -> float:
            return self._fits.get((group.incident_type, action), UNFORESEEN_FIT)

        if (told := group.imported) is not None:
            outcomes, weight = self._pseudo_outcomes(told.entry), decay.weight(told.at, now)
            return imported_entry(group.entry_id, told.entry, outcomes, at=told.at, weight=weight, fit=fit)
        lessons = list(group.lessons.values())
        weighed = [(one, decay.weight(one.learned_at, now)) for one in lessons]
        weighed = [one for one in weighed if one[1]] or weighed
        patterns = group.patterns(self._config.max_patterns)
        return learned_entry(
            group.entry_id, patterns, [one for one, _ in weighed], [weight for _, weight in weighed], fit
        )

    def _pseudo_outcomes(self, told: ExchangedEntry) -> Mapping[ActionKind, Any]:
        return pseudo_outcomes(told, lambda a: self._fits.get((told.incident_type, a), UNFORESEEN_FIT))

    def _match(self, group: Group, similarity: float, now: float) -> RunbookMatch:
        weight = self._config.decay.weight
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

    def _patterns(self, incident: Incident) -> tuple[str, ...]:
        return patterns_of(incident, self._config.max_patterns, self._config.max_pattern_chars)

    def _circumstances_of(self, incident: Incident) -> tuple[str, ...]:
        return () if self._circumstances is None else tuple(sorted(self._circumstances(incident)))


def _imported_id(row_id: str) -> str:
    return f"RB-{row_id.removeprefix(_IMPORT)}"
