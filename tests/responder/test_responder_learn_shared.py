"""Runbooks of several responders over one real database."""

from collections.abc import Iterator

import pytest
from learn_samples import leak, restart_failed, restart_helped

from responder.incident_record import ActionKind
from responder.learn import Feedback, FeedbackVerdict, Runbook
from responder.store import Database
from responder.store.runbook import RunbookEntries

NOW = 1_700_000_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        self.now += 3.0  # longer than a runbook goes without a look at the others
        return self.now


@pytest.fixture
def runbooks(database_url: str) -> Iterator[tuple[Runbook, Runbook]]:
    database = Database(database_url, "AEGISOPS_RESPONDER_DATABASE_URL")
    database.open()
    clock = Clock()
    yield Runbook(RunbookEntries(database), clock), Runbook(RunbookEntries(database), clock)
    database.close()


def helped(book: Runbook) -> int:
    (here,) = (e.here for e in book.experience(leak(99)) if e.action is ActionKind.RESTART)
    return here.helped


def test_what_one_learns_and_is_told_the_other_goes_by(runbooks: tuple[Runbook, Runbook]) -> None:
    one, other = runbooks
    one.learn(restart_helped(1))
    other.learn(restart_helped(2))
    assert helped(one) == helped(other) == 2
    one.take_feedback(restart_helped(2), Feedback(FeedbackVerdict.WRONG, "alice", "", NOW))
    assert helped(one) == helped(other) == 1
    assert [entry.learned_from_incident_ids for entry in other.export()] == [("INC-1", "INC-2")]


def test_an_incident_that_both_end_teaches_once(runbooks: tuple[Runbook, Runbook]) -> None:
    for book in runbooks:
        book.learn(restart_failed(1))
    for book in runbooks:
        (entry,) = book.export()
        assert [(one.helped, one.seen) for one in entry.actions] == [(1, 1), (0, 1)]
