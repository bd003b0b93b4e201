"""The runbook: what it learns, finds and keeps."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from decision_samples import NOW, evidence, incident, log_evidence, restarts, silence
from learn_samples import HELPED, IN_VAIN, KeptRows, action, ended, full_disk, leak, restart_helped

from detector import Incident, IncidentType
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    PastOutcome,
    PipelineState,
    VerificationOutcome,
)
from responder.learn import Runbook, RunbookConfig, RunbookEntry


class FullDisk(KeptRows):
    def put(self, *_: Any, **__: Any) -> None:
        raise OSError("no space left")


def runbook(store: KeptRows | None = None, **config: Any) -> Runbook:
    return Runbook(store or KeptRows(), lambda: NOW, RunbookConfig(**config))


def outcomes_of(entry: RunbookEntry) -> dict[ActionKind, tuple[int, int]]:
    return {one.action: (one.helped, one.seen) for one in entry.actions}


def test_an_empty_runbook_matches_nothing() -> None:
    assert runbook().matches(leak()) == ()


def test_a_similar_incident_is_found_with_what_helped() -> None:
    book = runbook()
    entry = book.learn(restart_helped(1))
    (match,) = book.matches(leak(2, service="billing"))
    assert match.entry_id == entry.entry_id
    assert match.incident_type is IncidentType.MEMORY_OOM
    assert match.similarity > 0.9
    assert match.outcomes == (PastOutcome(ActionKind.RESTART, 1, 0),)
    assert match.incident_ids == ("INC-1",)


def test_the_first_sight_of_a_fault_finds_what_was_learned_from_its_end() -> None:
    book = runbook()
    book.learn(restart_helped(1))
    early = incident(IncidentType.MEMORY_OOM, evidence("memory"))
    assert len(book.matches(early)) == 1


@pytest.mark.parametrize(
    "other",
    [
        full_disk(),
        incident(IncidentType.CPU_SPIKE, evidence("cpu"), evidence("server_latency", 2)),
        incident(IncidentType.NETWORK_LATENCY, evidence("client_latency"), evidence("server_latency", 2)),
        incident(IncidentType.POD_CRASH_LOOP, restarts(), silence()),
        incident(IncidentType.UNKNOWN),
    ],
    ids=lambda i: str(i.type),
)
def test_a_different_fault_is_not_found(other: Incident) -> None:
    book = runbook()
    book.learn(restart_helped(1))
    assert book.matches(other) == ()


def test_the_most_similar_come_first_and_no_more_than_asked_for() -> None:
    book = runbook(match_similarity=0.0)
    leak_entry = book.learn(restart_helped(1))
    book.learn(ended(full_disk(2), action(ActionKind.CLEANUP, HELPED)))
    book.learn(ended(replace(incident(IncidentType.POD_CRASH_LOOP, restarts()), id="INC-3")))
    matches = book.matches(leak(4), limit=2)
    assert [m.entry_id for m in matches][:1] == [leak_entry.entry_id]
    assert len(book.matches(leak(4), limit=1)) == 1


def test_similar_incidents_share_an_entry_and_others_do_not() -> None:
    book = runbook()
    first, second = book.learn(restart_helped(1)), book.learn(restart_helped(2))
    third = book.learn(ended(full_disk(3)))
    assert first.entry_id == second.entry_id != third.entry_id
    assert second.learned_from_incident_ids == ("INC-1", "INC-2")
    assert len(book.export()) == 2


def test_the_same_evidence_under_another_type_is_another_entry() -> None:
    book = runbook()
    book.learn(restart_helped(1))
    book.learn(ended(replace(leak(2), type=IncidentType.UNKNOWN)))
    assert {e.incident_type for e in book.export()} == {IncidentType.MEMORY_OOM, IncidentType.UNKNOWN}


def test_success_raises_confidence_and_failure_lowers_it() -> None:
    book = runbook()
    one = book.learn(restart_helped(1)).confidence
    two = book.learn(restart_helped(2)).confidence
    after_escalation = book.learn(
        ended(leak(3), action(ActionKind.RESTART, IN_VAIN), state=PipelineState.ESCALATED)
    ).confidence
    assert (one, two, after_escalation) == pytest.approx((2 / 3, 3 / 4, 3 / 5))


@pytest.mark.parametrize("state", [PipelineState.ESCALATED, PipelineState.FAILED])
def test_an_incident_left_unresolved_without_any_action_lowers_confidence(state: PipelineState) -> None:
    book = runbook()
    before = book.learn(restart_helped(1))
    after = book.learn(ended(leak(2), state=state))
    assert after.confidence < before.confidence
    assert (after.success_rate, after.unresolved) == (0.5, 1)


def test_an_incident_that_was_nothing_neither_raises_nor_lowers() -> None:
    book = runbook()
    before = book.learn(restart_helped(1))
    after = book.learn(ended(leak(2), action(ActionKind.NOOP, HELPED), state=PipelineState.REJECTED))
    assert (after.confidence, after.success_rate) == (before.confidence, before.success_rate)
    assert after.rejected == 1


def test_a_wrong_first_action_counts_against_that_action_alone() -> None:
    book = runbook()
    entry = book.learn(
        ended(leak(1), action(ActionKind.SCALE_UP, IN_VAIN), action(ActionKind.RESTART, HELPED))
    )
    assert outcomes_of(entry) == {ActionKind.RESTART: (1, 1), ActionKind.SCALE_UP: (0, 1)}
    assert entry.common_actions == (ActionKind.RESTART, ActionKind.SCALE_UP)


@pytest.mark.parametrize(
    ("record", "outcomes"),
    [
        (action(ActionKind.RESTART, VerificationOutcome.MADE_WORSE), {ActionKind.RESTART: (0, 1)}),
        (action(ActionKind.RESTART, None, ActionOutcome.FAILED), {ActionKind.RESTART: (0, 1)}),
        (action(ActionKind.RESTART, HELPED, ActionOutcome.INTERRUPTED), {ActionKind.RESTART: (1, 1)}),
        (action(ActionKind.RESTART, None, ActionOutcome.INTERRUPTED), {}),
        (action(ActionKind.RESTART, None, ActionOutcome.REFUSED), {}),
        (action(ActionKind.RESTART, None), {}),
    ],
)
def test_what_counts_as_an_outcome(record: ActionRecord, outcomes: dict[ActionKind, tuple[int, int]]) -> None:
    entry = runbook().learn(ended(leak(1), record, state=PipelineState.ESCALATED))
    assert outcomes_of(entry) == outcomes


def test_resolution_time_is_the_mean_over_resolved_incidents() -> None:
    book = runbook()
    book.learn(ended(leak(1), took_s=10))
    book.learn(ended(leak(2), state=PipelineState.ESCALATED, took_s=500))
    entry = book.learn(ended(leak(3), took_s=20))
    assert entry.resolution_time_avg_ms == pytest.approx(15_000)


def test_learning_the_same_incident_again_changes_nothing() -> None:
    store = KeptRows()
    book = runbook(store)
    first = book.learn(restart_helped(1))
    rows = dict(store.rows)
    again = book.learn(ended(full_disk(1), state=PipelineState.ESCALATED))
    assert again == first
    assert store.rows == rows


def test_an_incident_that_has_not_ended_teaches_nothing() -> None:
    with pytest.raises(ValueError, match="only ended incidents teach"):
        runbook().learn(ended(leak(1), state=PipelineState.VERIFYING))


def test_what_was_learned_survives_a_restart() -> None:
    store = KeptRows()
    before = runbook(store)
    before.learn(restart_helped(1))
    before.learn(ended(full_disk(2), action(ActionKind.CLEANUP, HELPED)))
    after = runbook(store)
    assert after.export() == before.export()
    assert after.matches(leak(3)) == before.matches(leak(3))
    assert after.learn(restart_helped(1)).learned_from_incident_ids == ("INC-1",)


def test_a_document_that_is_no_entry_is_left_out() -> None:
    store = KeptRows()
    runbook(store).learn(restart_helped(1))
    store.put({"lesson:broken": {"entry_id": "RB-broken"}}, NOW)
    assert len(runbook(store).export()) == 1


def test_what_could_not_be_kept_was_not_learned() -> None:
    book = runbook(FullDisk())
    with pytest.raises(OSError, match="no space left"):
        book.learn(restart_helped(1))
    assert book.export() == []


def test_entries_are_bounded_and_the_stalest_makes_room() -> None:
    store = KeptRows()
    book = runbook(store, max_entries=2)
    book.learn(restart_helped(1))
    book.learn(ended(full_disk(2)))
    book.learn(ended(replace(incident(IncidentType.POD_CRASH_LOOP, restarts()), id="INC-3")))
    assert {e.incident_type for e in book.export()} == {IncidentType.DISK_SPACE, IncidentType.POD_CRASH_LOOP}
    assert len(store.rows) == 2
    assert book.matches(leak(4)) == ()


def test_what_an_entry_holds_is_bounded() -> None:
    store = KeptRows()
    book = runbook(store, max_lessons_an_entry=3, max_patterns=4, max_pattern_chars=30)
    for i in range(6):
        entry = book.learn(ended(leak(i, service=f"shop-{i}")))
    assert entry.learned_from_incident_ids == ("INC-3", "INC-4", "INC-5")
    assert [one.service for one in entry.services] == ["shop-3", "shop-4", "shop-5"]
    assert len(entry.patterns) <= 4
    assert max(map(len, entry.patterns)) <= 30
    assert len(store.rows) == 3


def test_lessons_in_all_are_bounded_and_the_oldest_goes() -> None:
    store = KeptRows()
    book = runbook(store, max_lessons=2)
    for record in (restart_helped(1), ended(full_disk(2)), restart_helped(3)):
        book.learn(record)
    assert sorted(store.rows) == ["lesson:INC-2", "lesson:INC-3"]


def test_nothing_secret_is_kept() -> None:
    store = KeptRows()
    secrets = ["hunter22", "jane@example.org", "0123456789abcdef0123456789abcdef", "sk-verysecretkey1234"]
    lines = [f"login failed password={secrets[0]}", f"user {secrets[1]} refused", *secrets[2:]]
    of = replace(
        incident(IncidentType.UNKNOWN, log_evidence(*lines), service=f"shop {secrets[1]}"), id="INC-1"
    )
    runbook(store).learn(ended(of))
    (row,) = store.rows.values()
    assert [s for s in secrets if s in row] == []


def test_ids_of_any_shape_are_kept_bounded_and_apart() -> None:
    book = runbook()
    for odd in ("x" * 5000 + "1", "x" * 5000 + "2", "a\nb", "\ud800"):
        book.learn(ended(replace(leak(1), id=odd)))
    (entry,) = book.export()
    assert len(set(entry.learned_from_incident_ids)) == 4
    assert max(map(len, entry.learned_from_incident_ids)) <= 200
    assert "\ud800" not in "".join(entry.learned_from_incident_ids)


def test_it_may_be_asked_and_taught_from_many_threads() -> None:
    store = KeptRows()
    book = runbook(store)
    book.warm_up().join()
    errors: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for i in range(start, start + 10):
                book.learn(restart_helped(i))
                assert book.matches(leak(i))
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=work, args=(10 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [e.resolved for e in book.export()] == [40]
    assert [e.resolved for e in runbook(store).export()] == [40]


def test_of_entries_with_the_same_evidence_the_one_of_the_same_type_comes_first() -> None:
    book = runbook()
    book.learn(ended(replace(leak(1), type=IncidentType.UNKNOWN)))
    book.learn(restart_helped(2))
    types = [m.incident_type for m in book.matches(leak(3))]
    assert types == [IncidentType.MEMORY_OOM, IncidentType.UNKNOWN]
