"""The lessons in memory: those of one pattern together, imported entries beside them, an index by text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from detector import IncidentType
from responder.learn.exchange import ExchangedEntry
from responder.learn.lesson import Lesson
from responder.learn.similarity import TextIndex


@dataclass(frozen=True, slots=True)
class Imported:
    """An entry another runbook told of, and when it came (seconds since the epoch)."""

    entry: ExchangedEntry
    at: float

    def to_document(self) -> dict[str, Any]:
        """The same as JSON values."""
        document: dict[str, Any] = _IMPORTED.dump_python(self, mode="json")
        return document

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Imported":
        """The opposite of `to_document`. Raises pydantic's `ValidationError`."""
        return _IMPORTED.validate_python(document)


_IMPORTED = TypeAdapter(Imported)


@dataclass(slots=True)
class Group:
    """Lessons that belong together, by the rows they are kept in, oldest first."""

    entry_id: str
    incident_type: IncidentType
    lessons: dict[str, Lesson] = field(default_factory=dict)
    imported: Imported | None = None

    def put(self, row_id: str, lesson: Lesson) -> None:
        """Take a lesson in, or its newer version."""
        rows = {**self.lessons, row_id: lesson}
        self.lessons = dict(sorted(rows.items(), key=lambda row: (row[1].learned_at, row[0])))

    @property
    def services(self) -> frozenset[str]:
        """Where its incidents were."""
        return frozenset(one.service for one in self.lessons.values())

    @property
    def times(self) -> list[float]:
        """When its evidence came, newest last."""
        if self.imported is not None:
            return [self.imported.at]
        return [one.learned_at for one in self.lessons.values()]

    def patterns(self, limit: int) -> tuple[str, ...]:
        """The phrases of all, each once."""
        if self.imported is not None:
            return self.imported.entry.patterns
        phrases = (phrase for one in self.lessons.values() for phrase in one.patterns if phrase)
        return tuple(dict.fromkeys(phrases))[:limit]


class Shelf:
    """Groups by the id of their entry, and by the rows they are kept in. Not thread-safe."""

    def __init__(self, max_patterns: int) -> None:
        self._max_patterns = max_patterns
        self._groups: dict[str, Group] = {}
        self._entry_of: dict[str, str] = {}
        self._index = TextIndex()

    @property
    def groups(self) -> list[Group]:
        """All of them."""
        return list(self._groups.values())

    @property
    def imported_rows(self) -> list[str]:
        """The rows of imported entries, those that came first before the others."""
        groups = ((row_id, self._groups[entry_id]) for row_id, entry_id in self._entry_of.items())
        rows = [(group.imported.at, row_id) for row_id, group in groups if group.imported is not None]
        return [row_id for _, row_id in sorted(rows)]

    def holding(self, row_id: str) -> Group | None:
        """The group a row is in."""
        entry_id = self._entry_of.get(row_id)
        return None if entry_id is None else self._groups[entry_id]

    def similar(self, text: str) -> list[tuple[Group, float]]:
        """Groups that share a term with `text`, each with its similarity (0 to 1)."""
        return [(self._groups[entry_id], found) for entry_id, found in self._index.similar(text).items()]

    def warm(self) -> None:
        """Prepare for the first question."""
        self._index.warm()

    def put(self, row_id: str, lesson: Lesson) -> Group:
        """Take a lesson in, or its newer version; the group it is in."""
        group = self._groups.setdefault(lesson.entry_id, Group(lesson.entry_id, lesson.incident_type))
        group.put(row_id, lesson)
        self._place(row_id, group)
        return group

    def put_imported(self, row_id: str, entry_id: str, imported: Imported) -> None:
        """Take an imported entry in."""
        group = Group(entry_id, imported.entry.incident_type, imported=imported)
        self._groups[entry_id] = group
        self._place(row_id, group)

    def forget(self, row_id: str) -> None:
        """Let a row go, if it is there."""
        entry_id = self._entry_of.pop(row_id, None)
        if entry_id is None:
            return
        group = self._groups[entry_id]
        group.lessons.pop(row_id, None)
        if group.lessons:
            self._index.put(entry_id, self._text(group))
        else:
            del self._groups[entry_id]
            self._index.drop(entry_id)

    def _place(self, row_id: str, group: Group) -> None:
        self._entry_of[row_id] = group.entry_id
        self._index.put(group.entry_id, self._text(group))

    def _text(self, group: Group) -> str:
        return text_of(group.incident_type, group.patterns(self._max_patterns))


def text_of(incident_type: IncidentType, patterns: Iterable[str]) -> str:
    """The type is a line like the others: faults of two types often share their symptoms."""
    return "\n".join((f"type {incident_type}", *patterns))
