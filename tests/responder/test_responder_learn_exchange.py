"""The runbook as JSON: what goes out, what comes in, and how much of it is believed."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_samples import HELPED, IN_VAIN, KeptRows, action, ended, leak, restart_failed, restart_helped
from pydantic import ValidationError

from detector import IncidentType
from responder.diagnose.cause import load_causes
from responder.diagnose.record import expected_fits, track_record
from responder.incident_record import ActionKind, Case, IncidentRecord, WeighedOutcomes
from responder.learn import ExchangedEntry, ExchangedRunbook, Runbook, RunbookConfig
from responder.learn.exchange import pseudo_outcomes
from responder.learn.posterior import PRIOR_WEIGHT

NOW = 1_700_000_000.0
FITS = expected_fits(load_causes())
REMEDIES = [ActionKind.RESTART, ActionKind.SCALE_UP, ActionKind.ROLLBACK]


def book(*records: IncidentRecord, config: RunbookConfig | None = None) -> Runbook:
    made = Runbook(KeptRows(), lambda: NOW, config, fits=FITS)
    for record in records:
        made.learn(record)
    return made


def exported(of: Runbook) -> ExchangedRunbook:
    runbook = ExchangedRunbook(entries=tuple(entry.exchanged for entry in of.export()))
    return ExchangedRunbook.model_validate_json(runbook.model_dump_json())


def chances(of: Runbook, service: str = "shop") -> dict[ActionKind, float]:
    case = Case(leak(99, service), frozenset(), experience=of.experience(leak(99, service)))
    kind = IncidentType.MEMORY_OOM
    return {a: track_record(case, kind, a).updated(FITS[kind, a]) for a in REMEDIES}


def best_first(of: Runbook) -> list[ActionKind]:
    believed = chances(of)
    return sorted(believed, key=lambda a: -believed[a])


def told(**changed: object) -> dict[str, object]:
    return {
        "incident_type": "memory_oom",
        "patterns": ["metric memory above_normal process.memory.usage:share"],
        "common_actions": ["SCALE_UP", "RESTART"],
        "resolution_time_avg_ms": 12_000.0,
        "success_rate": 1.0,
        "learned_from_incident_ids": [f"OTHER-{i}" for i in range(50)],
    } | changed


def runbook_of(*entries: dict[str, object]) -> ExchangedRunbook:
    return ExchangedRunbook.model_validate({"entries": entries})


def test_an_entry_goes_out_with_the_promised_keys_and_no_others() -> None:
    document = json.loads(exported(book(restart_helped(1))).model_dump_json())
    (entry,) = document.pop("entries")
    assert document == {"version": 1}
    assert entry == {
        "incident_type": "memory_oom",
        "patterns": entry["patterns"],
        "common_actions": ["RESTART"],
        "resolution_time_avg_ms": 10_000.0,
        "success_rate": 1.0,
        "learned_from_incident_ids": ["INC-1"],
    }
    assert entry["patterns"]


def test_what_is_imported_is_exported_as_it_was() -> None:
    before = exported(book(*(restart_failed(i) for i in range(4)), restart_helped(9)))
    other = book()
    other.take_in(before)
    assert exported(other) == before
    assert [entry.imported for entry in other.export()] == [True]


def test_an_empty_runbook_prefers_after_the_import_what_the_other_preferred() -> None:
    learned = book(*(restart_failed(i) for i in range(5)))
    other = book()
    assert best_first(other)[0] is ActionKind.RESTART
    other.take_in(exported(learned))
    assert best_first(other)[0] is best_first(learned)[0] is ActionKind.SCALE_UP


outcomes = st.lists(
    st.tuples(st.sampled_from(REMEDIES), st.sampled_from([HELPED, IN_VAIN])), min_size=1, max_size=12
)


@given(outcomes)
@settings(max_examples=40, deadline=None)
def test_actions_stand_in_the_same_order_after_a_round_trip(
    seen: Sequence[tuple[ActionKind, object]],
) -> None:
    learned = book(*(ended(leak(i), action(kind, how)) for i, (kind, how) in enumerate(seen)))
    other = book()
    other.take_in(exported(learned))
    (before,), (after,) = learned.export(), other.export()
    assert after.common_actions == before.common_actions
    assert [one.action for one in after.actions] == list(before.common_actions)


@given(
    st.permutations(REMEDIES),
    st.floats(0, 1),
    st.integers(0, 200),
)
def test_an_imported_entry_counts_for_no_more_than_the_expectation(
    actions: list[ActionKind], rate: float, incidents: int
) -> None:
    entry = ExchangedEntry.model_validate(
        told(
            common_actions=actions,
            success_rate=rate,
            learned_from_incident_ids=[f"I-{i}" for i in range(incidents)],
        )
    )
    for one in pseudo_outcomes(entry, lambda a: FITS[IncidentType.MEMORY_OOM, a]).values():
        assert one.successes >= 0.0
        assert one.failures >= 0.0
        assert one.successes + one.failures == pytest.approx(min(PRIOR_WEIGHT, incidents))


def test_however_many_entries_say_it_they_count_once() -> None:
    of = book()
    of.take_in(runbook_of(*(told(patterns=[f"pattern {word}"]) for word in "abcdefgh")))
    (scale_up,) = (one for one in of.experience(leak(1)) if one.action is ActionKind.SCALE_UP)
    assert scale_up.imported == WeighedOutcomes(pytest.approx(PRIOR_WEIGHT), pytest.approx(0.0))


def test_two_outcomes_seen_here_count_for_more_than_all_that_is_imported() -> None:
    of = book()
    of.take_in(runbook_of(told(common_actions=["SCALE_UP"])))
    assert chances(of)[ActionKind.SCALE_UP] > chances(book())[ActionKind.SCALE_UP]
    for number in range(2):
        of.learn(ended(leak(number), action(ActionKind.SCALE_UP, IN_VAIN)))
    assert chances(of)[ActionKind.SCALE_UP] <= chances(book())[ActionKind.SCALE_UP]


def test_nothing_imported_counts_as_a_record() -> None:
    of = book()
    of.take_in(runbook_of(told(success_rate=0.0)))
    case = Case(leak(1), frozenset(), experience=of.experience(leak(1)))
    record = track_record(case, IncidentType.MEMORY_OOM, ActionKind.RESTART)
    assert (record.count, str(record)) == (0.0, "it was not seen before")


def test_no_model_is_told_outcomes_that_were_imported() -> None:
    of = book()
    of.take_in(exported(book(*(restart_failed(i) for i in range(4)))))
    (match,) = of.matches(leak(1))
    assert match.outcomes == ()


def test_importing_twice_or_ones_own_export_changes_nothing() -> None:
    of = book(restart_helped(1))
    own = exported(of)
    assert of.take_in(own).added == 0
    assert of.take_in(runbook_of(told())).added == 1
    assert of.take_in(runbook_of(told())).added == 0
    assert len(of.export()) == 2


def test_incidents_known_here_do_not_count_again() -> None:
    of = book(restart_helped(1))
    of.take_in(runbook_of(told(learned_from_incident_ids=["INC-1", "OTHER-1"])))
    (entry,) = (one for one in of.export() if one.imported)
    assert entry.learned_from_incident_ids == ("OTHER-1",)


def test_an_entry_no_incident_stands_for_is_not_taken() -> None:
    assert book().take_in(runbook_of(told(learned_from_incident_ids=[]))).added == 0


def test_imported_text_is_masked_like_any_other() -> None:
    of = book()
    of.take_in(runbook_of(told(patterns=["login with password hunter22 failed"])))
    assert "hunter22" not in of.export()[0].patterns[0]


def test_imported_entries_are_bounded_and_push_out_none_learned_here() -> None:
    of = book(restart_helped(1), config=RunbookConfig(max_imported=2))
    of.take_in(runbook_of(*(told(patterns=[word]) for word in ("disk full", "cpu busy"))))
    of.take_in(runbook_of(told(patterns=["slow network"])))
    assert [one.imported for one in of.export()].count(True) == 2
    assert any(not one.imported for one in of.export())


def test_an_incident_learned_here_never_joins_an_imported_entry() -> None:
    of = book()
    of.take_in(exported(book(restart_helped(7))))
    assert not of.learn(restart_helped(1)).imported


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"incident_type": "gremlins"}, ("entries", 1, "incident_type")),
        ({"common_actions": ["RESTART", "DROP_TABLES"]}, ("entries", 1, "common_actions", 1)),
        ({"common_actions": ["NOOP"]}, ("entries", 1, "common_actions")),
        ({"common_actions": ["RESTART", "RESTART"]}, ("entries", 1, "common_actions")),
        ({"success_rate": 1.5}, ("entries", 1, "success_rate")),
        ({"success_rate": "NaN"}, ("entries", 1, "success_rate")),
        ({"resolution_time_avg_ms": -1}, ("entries", 1, "resolution_time_avg_ms")),
        ({"patterns": ["x" * 201]}, ("entries", 1, "patterns", 0)),
        ({"patterns": ["x"] * 41}, ("entries", 1, "patterns")),
        ({"learned_from_incident_ids": ["x"] * 201}, ("entries", 1, "learned_from_incident_ids")),
        ({"shell": "rm -rf /"}, ("entries", 1, "shell")),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused_with_its_place(
    changed: dict[str, object], place: tuple[object, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        runbook_of(told(), told(**changed))
    assert refused.value.errors()[0]["loc"] == place
