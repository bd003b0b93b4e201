"""The shelf in step with the store: rows are read where they changed, and the oldest make room."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from pydantic import ValidationError

from responder.learn.config import RunbookConfig
from responder.learn.exchange import ExchangedEntry
from responder.learn.lesson import Lesson
from responder.learn.shelf import Group, Imported, Shelf

_log = logging.getLogger(__name__)

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


class KeptShelf:
    """A shelf and the rows it is kept in; others may work on these as well. Not thread-safe.

    What is asked is answered as of the last refresh.
    """

    def __init__(self, store: RunbookStore, clock: Callable[[], float], config: RunbookConfig) -> None:
        self.shelf = Shelf(config.max_patterns)
        self._store = store
        self._clock = clock
        self._config = config
        self._versions: dict[str, float] = {}
        self._refreshed_at = clock()
        self.refresh()

    def refresh_if_due(self) -> None:
        """Refresh, unless that was just done."""
        if abs(self._clock() - self._refreshed_at) >= self._config.refresh_s:
            self.refresh()

    def refresh(self) -> None:
        """Read what changed in the store."""
        self._refreshed_at = self._clock()
        versions = self._store.versions()
        self._forget([row_id for row_id in self._versions if row_id not in versions])
        changed = [row_id for row_id, at in versions.items() if self._versions.get(row_id) != at]
        for row_id, document in sorted(self._store.load(changed).items()):
            self._versions[row_id] = versions[row_id]
            try:
                if row_id.startswith(_IMPORT):
                    self._put_imported(row_id, Imported.from_document(document))
                else:
                    self.shelf.put(row_id, Lesson.from_document(document))
            except ValidationError as error:
                _log.warning("A kept lesson cannot be read and is left out: %d faults", error.error_count())

    def taught_by(self, incident_id: str) -> Group | None:
        """The group that an incident's lesson is in."""
        return self.shelf.holding(_LESSON + incident_id)

    def lesson(self, incident_id: str) -> Lesson | None:
        """What an incident taught."""
        group = self.taught_by(incident_id)
        return None if group is None else group.lessons[_LESSON + incident_id]

    def has_imported(self, digest: str) -> bool:
        """Whether the entry of that digest was imported."""
        return self.shelf.holding(_IMPORT + digest) is not None

    def keep(self, lesson: Lesson, also: Callable[[Any], object] | None = None) -> Group:
        """Keep a lesson, or its newer version; the group it is in. `also`: as for the store."""
        row_id, now = _LESSON + lesson.incident_id, self._clock()
        without = self._too_many(row_id, lesson.entry_id)
        self._store.put({row_id: lesson.to_document()}, now, without=without, also=also)
        self._forget(without)
        self._versions[row_id] = now
        return self.shelf.put(row_id, lesson)

    def keep_imported(
        self, entries: Mapping[str, ExchangedEntry], also: Callable[[Any], object] | None = None
    ) -> None:
        """Keep new imported entries, by their digests."""
        if not entries:
            return
        now = self._clock()
        new = {_IMPORT + digest: Imported(entry, now) for digest, entry in entries.items()}
        old = self.shelf.imported_rows
        without = old[: max(0, len(old) + len(new) - self._config.max_imported)]
        documents = {row_id: one.to_document() for row_id, one in new.items()}
        self._store.put(documents, now, without=without, also=also)
        self._forget(without)
        for row_id, one in new.items():
            self._put_imported(row_id, one)
            self._versions[row_id] = now

    def _put_imported(self, row_id: str, imported: Imported) -> None:
        self.shelf.put_imported(row_id, f"RB-{row_id.removeprefix(_IMPORT)}", imported)

    def _too_many(self, row_id: str, entry_id: str) -> list[str]:
        """The rows that make room: the oldest of its group, the oldest of all, or a whole group, the one that
        learned least recently."""
        config = self._config
        learned = {one.entry_id: one for one in self.shelf.groups if one.imported is None}
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
            self.shelf.forget(row_id)
