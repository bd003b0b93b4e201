"""The runbook: every incident that ends teaches it, and every new one asks it."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import ValidationError

from detector import Incident, IncidentType
from responder.incident_record import IncidentRecord, PipelineState, RunbookMatch
from responder.learn.entry import RunbookEntry, posterior_mean
from responder.learn.lesson import Lesson, added, lesson_of
from responder.learn.patterns import patterns_of
from responder.learn.similarity import TextIndex
from responder.redaction import redact

_log = logging.getLogger(__name__)

_ID_CHARS = 200
_SERVICE_CHARS = 100


class RunbookStore(Protocol):
    """Where entries are kept. May block; what it raises goes through, and nothing is learned then."""

    def load_all(self) -> list[dict[str, Any]]:
        """Every kept document."""
        ...

    def upsert(self, entry_id: str, document: Mapping[str, Any], at: float) -> None:
        """Keep a document of JSON values, in place of an earlier one of that id."""
        ...


@dataclass(frozen=True, slots=True)
class RunbookConfig:
    """Bounds, and the two similarities (cosines, 0 to 1).

    From `match_similarity` on an entry is worth showing, from `merge_similarity` on an incident belongs
    to it. `prior_successes` and `prior_failures` are the Beta prior of an entry's confidence.
    """

    match_similarity: float = 0.5
    merge_similarity: float = 0.6
    prior_successes: float = 1.0
    prior_failures: float = 1.0
    max_entries: int = 500
    max_incident_ids: int = 200
    max_services: int = 20
    max_patterns: int = 40
    max_pattern_chars: int = 200


class Runbook:
    """Entries by similarity of evidence. Thread-safe.

    Past `max_entries` a new entry takes the place, and the id, of the one updated least recently.
    """

    def __init__(
        self, store: RunbookStore, clock: Callable[[], float], config: RunbookConfig | None = None
    ) -> None:
        """`clock`: seconds since the epoch. Reads the store; a document that is no entry is left out."""
        self._store = store
        self._clock = clock
        self._config = config or RunbookConfig()
        self._lock = threading.Lock()
        self._entries: dict[str, RunbookEntry] = {}
        self._learned: dict[str, str] = {}
        self._index = TextIndex()
        for entry in self._load():
            self._keep(entry)

    def warm_up(self) -> threading.Thread:
        """Prepare for the first question in a thread of its own, so that no incident waits for it."""

        def prepare() -> None:
            TextIndex().warm()  # the imports, without the lock
            with self._lock:
                self._index.warm()

        thread = threading.Thread(target=prepare, name="runbook-warm-up", daemon=True)
        thread.start()
        return thread

    def matches(self, incident: Incident, limit: int = 3) -> tuple[RunbookMatch, ...]:
        """At most `limit` entries that resemble the incident, most similar first.

        Of equally similar ones (to a hundredth) those that know the service come first.
        """
        text = _text(incident.type, self._patterns(incident))
        with self._lock:
            similar = self._index.similar(text)
            found = [(self._entries[i], s) for i, s in similar.items() if s >= self._config.match_similarity]
        service = redact(incident.service, _SERVICE_CHARS)
        found.sort(
            key=lambda f: (-round(f[1], 2), service not in f[0].services, -f[0].updated_at, f[0].entry_id)
        )
        return tuple(_match(entry, similarity) for entry, similarity in found[:limit])

    def learn(self, record: IncidentRecord) -> RunbookEntry:
        """The entry that now knows of `record`; asked again about the same incident, it changes nothing.

        Raises ValueError when the record is not in a final state.
        """
        lesson = lesson_of(record)
        incident_id = _bounded_id(record.incident.id)
        patterns = self._patterns(record.incident)
        with self._lock:
            known = self._learned.get(incident_id)
            if known is not None:
                return self._entries[known]
            entry = self._nearest(record.incident, patterns) or self._new_entry(record.incident, incident_id)
            entry = self._taught(entry, lesson, record.incident, incident_id, patterns)
            self._store.upsert(entry.entry_id, entry.to_document(), entry.updated_at)
            self._keep(entry)
        return entry

    def export(self) -> list[RunbookEntry]:
        """All entries, the surest first."""
        with self._lock:
            entries = list(self._entries.values())
        return sorted(entries, key=lambda e: (-e.confidence, e.incident_type, e.entry_id))

    def _load(self) -> list[RunbookEntry]:
        entries = []
        for document in self._store.load_all():
            try:
                entries.append(RunbookEntry.from_document(document))
            except ValidationError as error:
                _log.warning(
                    "A kept runbook entry cannot be read and is left out: %d faults", error.error_count()
                )
        entries.sort(key=lambda e: e.updated_at)
        return entries[-self._config.max_entries :]

    def _keep(self, entry: RunbookEntry) -> None:
        before = self._entries.get(entry.entry_id)
        for incident_id in () if before is None else before.learned_from_incident_ids:
            self._learned.pop(incident_id, None)
        self._entries[entry.entry_id] = entry
        self._learned.update(dict.fromkeys(entry.learned_from_incident_ids, entry.entry_id))
        self._index.put(entry.entry_id, _text(entry.incident_type, entry.patterns))

    def _patterns(self, incident: Incident) -> tuple[str, ...]:
        return patterns_of(incident, self._config.max_patterns, self._config.max_pattern_chars)

    def _nearest(self, incident: Incident, patterns: tuple[str, ...]) -> RunbookEntry | None:
        """The most similar entry of the incident's type, None where none is similar enough."""
        similar = self._index.similar(_text(incident.type, patterns))
        same_type = [(s, i) for i, s in similar.items() if self._entries[i].incident_type is incident.type]
        similarity, entry_id = max(same_type, default=(0.0, ""))
        return self._entries[entry_id] if similarity >= self._config.merge_similarity else None

    def _new_entry(self, incident: Incident, incident_id: str) -> RunbookEntry:
        """An empty entry; its id comes from the incident it is made for."""
        entry_id = f"RB-{hashlib.sha256(incident_id.encode('utf-8', 'replace')).hexdigest()[:12]}"
        if len(self._entries) >= self._config.max_entries:
            entry_id = min(self._entries.values(), key=lambda e: e.updated_at).entry_id
        return RunbookEntry(
            entry_id=entry_id,
            incident_type=incident.type,
            patterns=(),
            common_actions=(),
            resolution_time_avg_ms=None,
            success_rate=0.0,
            confidence=0.0,
            learned_from_incident_ids=(),
            outcomes=(),
            services=(),
            resolved=0,
            unresolved=0,
            rejected=0,
            updated_at=0.0,
        )

    def _taught(
        self,
        entry: RunbookEntry,
        lesson: Lesson,
        incident: Incident,
        incident_id: str,
        patterns: tuple[str, ...],
    ) -> RunbookEntry:
        """`entry` with one more lesson.

        Confidence counts each action that helped as a success, each that did not and each incident that
        was left unresolved as a failure.
        """
        config = self._config
        resolved = entry.resolved + (lesson.state is PipelineState.RESOLVED)
        rejected = entry.rejected + (lesson.state is PipelineState.REJECTED)
        unresolved = entry.unresolved + (lesson.state in (PipelineState.ESCALATED, PipelineState.FAILED))
        outcomes = added(entry.outcomes, lesson.outcomes)
        successes = sum(o.successes for o in outcomes)
        failures = sum(o.failures for o in outcomes) + unresolved
        helpful = sorted(
            (o for o in outcomes if o.successes), key=lambda o: (o.failures / o.successes, -o.successes)
        )
        services = _newest(entry.services, (redact(incident.service, _SERVICE_CHARS),), config.max_services)
        return replace(
            entry,
            patterns=tuple(dict.fromkeys((*entry.patterns, *patterns)))[: config.max_patterns],
            common_actions=tuple(o.action for o in helpful),
            resolution_time_avg_ms=_mean_with(entry, lesson, resolved),
            success_rate=resolved / (resolved + unresolved) if resolved + unresolved else 0.0,
            confidence=posterior_mean(successes, failures, config.prior_successes, config.prior_failures),
            learned_from_incident_ids=_newest(
                entry.learned_from_incident_ids, (incident_id,), config.max_incident_ids
            ),
            outcomes=outcomes,
            services=services,
            resolved=resolved,
            unresolved=unresolved,
            rejected=rejected,
            updated_at=self._clock(),
        )


def _mean_with(entry: RunbookEntry, lesson: Lesson, resolved: int) -> float | None:
    if lesson.resolution_ms is None:
        return entry.resolution_time_avg_ms
    before = entry.resolution_time_avg_ms
    return lesson.resolution_ms if before is None else before + (lesson.resolution_ms - before) / resolved


def _newest(kept: Iterable[str], more: Iterable[str], limit: int) -> tuple[str, ...]:
    """The last `limit` of both, each once, where it stood last."""
    last_first = dict.fromkeys(reversed((*kept, *more)))
    return tuple(reversed(list(last_first)[:limit]))


def _text(incident_type: IncidentType, patterns: Iterable[str]) -> str:
    """The type is a line like the others: faults of two types often share their symptoms."""
    return "\n".join((f"type {incident_type}", *patterns))


def _match(entry: RunbookEntry, similarity: float) -> RunbookMatch:
    return RunbookMatch(
        entry_id=entry.entry_id,
        incident_type=entry.incident_type,
        similarity=similarity,
        confidence=entry.confidence,
        outcomes=entry.outcomes,
        incident_ids=entry.learned_from_incident_ids,
    )


def _bounded_id(incident_id: str) -> str:
    """The id itself, or a digest of one that is too long to keep or cannot be encoded."""
    if len(incident_id) <= _ID_CHARS and incident_id.isprintable():
        return incident_id
    return "sha256:" + hashlib.sha256(incident_id.encode("utf-8", "surrogatepass")).hexdigest()
