"""The runbook: what it learns, finds and keeps."""

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from decision_samples import NOW, evidence, incident, log_evidence, restarts, silence

from detector import Incident, IncidentType
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    IncidentRecord,
    PastOutcome,
    PipelineState,
    VerificationOutcome,
)
from responder.learn import Runbook, RunbookConfig
from responder.learn.entry import posterior_mean

HELPED = VerificationOutcome.RECOVERED
IN_VAIN = VerificationOutcome.NOT_RECOVERED


class KeptDocuments:
    """Keeps documents as JSON text, as a database would."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def load_all(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in self.rows.values()]

    def upsert(self, entry_id: str, document: Mapping[str, Any], at: float) -> None:
        assert at == NOW
        self.rows[entry_id] = json.dumps(document)


class FullDisk(KeptDocuments):
    def upsert(self, entry_id: str, document: Mapping[str, Any], at: float) -> None:
        raise OSError("no space left")


def runbook(store: KeptDocuments | None = None, **config: Any) -> Runbook:
    return Runbook(store or KeptDocuments(), lambda: NOW, RunbookConfig(**config))


def leak(number: int = 1, service: str = "shop") -> Incident:
    pieces = (
        evidence("memory", 1),
        evidence("server_latency", 2),
        log_evidence(f"MemoryError in worker {number}"),
    )
    return replace(incident(IncidentType.MEMORY_OOM, *pieces, service=service), id=f"INC-{number}")


def full_disk(number: int = 1) -> Incident:
    pieces = (evidence("disk", 1), log_evidence("OSError: No space left on device"))
    return replace(incident(IncidentType.DISK_SPACE, *pieces), id=f"INC-{number}")


def action(
    kind: ActionKind,
    verification: VerificationOutcome | None,
    outcome: ActionOutcome = ActionOutcome.SUCCEEDED,
) -> ActionRecord:
    return ActionRecord(1, kind, "shop", outcome, "", NOW, NOW, verification=verification)


def ended(
    of: Incident, *actions: ActionRecord, state: PipelineState = PipelineState.RESOLVED, took_s: float = 10.0
) -> IncidentRecord:
    resolved_at = NOW + took_s if state is PipelineState.RESOLVED else None
    return IncidentRecord(of, state, NOW, NOW + took_s, "detector", actions=actions, resolved_at=resolved_at)


def restart_helped(number: int = 1) -> IncidentRecord:
    return ended(leak(number), action(ActionKind.RESTART, HELPED))


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
    assert one == posterior_mean(1, 0, 1.0, 1.0)
    assert two == posterior_mean(2, 0, 1.0, 1.0)
    assert after_escalation == posterior_mean(2, 2, 1.0, 1.0)
    assert one < two > after_escalation


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
    assert entry.outcomes == (PastOutcome(ActionKind.RESTART, 1, 0), PastOutcome(ActionKind.SCALE_UP, 0, 1))
    assert entry.common_actions == (ActionKind.RESTART,)


@pytest.mark.parametrize(
    ("record", "outcomes"),
    [
        (
            action(ActionKind.RESTART, VerificationOutcome.MADE_WORSE),
            (PastOutcome(ActionKind.RESTART, 0, 1),),
        ),
        (action(ActionKind.RESTART, None, ActionOutcome.FAILED), (PastOutcome(ActionKind.RESTART, 0, 1),)),
        (
            action(ActionKind.RESTART, HELPED, ActionOutcome.INTERRUPTED),
            (PastOutcome(ActionKind.RESTART, 1, 0),),
        ),
        (action(ActionKind.RESTART, None, ActionOutcome.INTERRUPTED), ()),
        (action(ActionKind.RESTART, None, ActionOutcome.REFUSED), ()),
        (action(ActionKind.RESTART, None), ()),
    ],
)
def test_what_counts_as_an_outcome(record: ActionRecord, outcomes: tuple[PastOutcome, ...]) -> None:
    assert runbook().learn(ended(leak(1), record, state=PipelineState.ESCALATED)).outcomes == outcomes


def test_resolution_time_is_the_mean_over_resolved_incidents() -> None:
    book = runbook()
    book.learn(ended(leak(1), took_s=10))
    book.learn(ended(leak(2), state=PipelineState.ESCALATED, took_s=500))
    entry = book.learn(ended(leak(3), took_s=20))
    assert entry.resolution_time_avg_ms == pytest.approx(15_000)


def test_learning_the_same_incident_again_changes_nothing() -> None:
    store = KeptDocuments()
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
    store = KeptDocuments()
    before = runbook(store)
    before.learn(restart_helped(1))
    before.learn(ended(full_disk(2), action(ActionKind.CLEANUP, HELPED)))
    after = runbook(store)
    assert after.export() == before.export()
    assert after.matches(leak(3)) == before.matches(leak(3))
    assert after.learn(restart_helped(1)).learned_from_incident_ids == ("INC-1",)


def test_a_document_that_is_no_entry_is_left_out() -> None:
    store = KeptDocuments()
    runbook(store).learn(restart_helped(1))
    store.rows["RB-broken"] = json.dumps({"entry_id": "RB-broken"})
    assert len(runbook(store).export()) == 1


def test_what_could_not_be_kept_was_not_learned() -> None:
    book = runbook(FullDisk())
    with pytest.raises(OSError, match="no space left"):
        book.learn(restart_helped(1))
    assert book.export() == []


def test_the_export_has_the_promised_keys_and_is_json() -> None:
    (entry,) = [runbook().learn(restart_helped(1))]
    document = json.loads(json.dumps(entry.to_document()))
    assert {k: document[k] for k in PROMISED} == {
        "incident_type": "memory_oom",
        "patterns": list(entry.patterns),
        "common_actions": ["RESTART"],
        "resolution_time_avg_ms": 10_000.0,
        "success_rate": 1.0,
        "learned_from_incident_ids": ["INC-1"],
    }


PROMISED = (
    "incident_type",
    "patterns",
    "common_actions",
    "resolution_time_avg_ms",
    "success_rate",
    "learned_from_incident_ids",
)


def test_entries_are_bounded_and_the_stalest_makes_room() -> None:
    store = KeptDocuments()
    book = runbook(store, max_entries=2)
    book.learn(restart_helped(1))
    book.learn(ended(full_disk(2)))
    book.learn(ended(replace(incident(IncidentType.POD_CRASH_LOOP, restarts()), id="INC-3")))
    assert {e.incident_type for e in book.export()} == {IncidentType.DISK_SPACE, IncidentType.POD_CRASH_LOOP}
    assert len(store.rows) == 2
    assert book.matches(leak(4)) == ()


def test_what_an_entry_holds_is_bounded() -> None:
    book = runbook(max_incident_ids=3, max_services=2, max_patterns=4, max_pattern_chars=30)
    for i in range(6):
        entry = book.learn(ended(leak(i, service=f"shop-{i}")))
    assert entry.learned_from_incident_ids == ("INC-3", "INC-4", "INC-5")
    assert entry.services == ("shop-4", "shop-5")
    assert len(entry.patterns) <= 4
    assert max(map(len, entry.patterns)) <= 30
    assert entry.resolved == 6


def test_nothing_secret_is_kept() -> None:
    store = KeptDocuments()
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
    json.dumps(entry.to_document()).encode()


def test_it_may_be_asked_and_taught_from_many_threads() -> None:
    store = KeptDocuments()
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
