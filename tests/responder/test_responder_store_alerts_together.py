"""Alerts that come in one call end as they would have come one by one, on both databases."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_doubles import make_evidence, make_incident

from detector import IncidentType, Severity
from responder.incident_record import PipelineState
from responder.store import Alert, Database, Store

SEEDS = range(6)


def opened(url: str) -> Iterator[Store]:
    database = Database(url, "the setting")
    database.open()
    yield Store.over(database)
    database.close()


@pytest.fixture
def one_by_one(tmp_path: Path) -> Iterator[Store]:
    yield from opened(f"sqlite:///{tmp_path / 'one_by_one.db'}")


@pytest.fixture
def together(database_url: str) -> Iterator[Store]:
    yield from opened(database_url)


def draw_alert(chance: random.Random) -> Alert:
    """One of a few alerts on one of two services, in any order of firing and resolved."""
    number = chance.randrange(8)
    id_ = f"ALERT-{number}"
    incident = replace(
        make_incident(id_, revision=0, service=("shop", "cart")[number % 2]),
        evidence=(replace(make_evidence(f"alert:{id_}"), log_lines=("out of memory",)),),
        type=chance.choice([IncidentType.UNKNOWN, IncidentType.MEMORY_OOM]),
        severity=chance.choice(list(Severity)),
    )
    return Alert(
        incident,
        source="alertmanager",
        key=str(number),
        firing=chance.random() < 0.6,
        began=chance.choice([None, 10.0, 20.0, 30.0, 300.0]),
        about=chance.choice(["", "", "", "ALERT-1", "INC-nobody"]),
    )


def all_of(store: Store) -> list[object]:
    """What stands of every incident, what is the same at the same time by its name."""
    records = [store.records.get(row.incident.id) for row in store.incidents.page(500, 0).items]
    return sorted(
        (
            replace(
                record,
                incident=replace(
                    record.incident, evidence=tuple(sorted(record.incident.evidence, key=lambda one: one.id))
                ),
            )
            for record in records
            if record is not None
        ),
        key=lambda record: record.incident.id,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_alerts_of_one_call_end_as_those_that_come_one_by_one(
    one_by_one: Store, together: Store, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - draws what comes, and guards nothing
    for turn in range(8):
        at = 1_000.0 + 50 * turn
        batch = [draw_alert(chance) for _ in range(chance.choice([1, 3, 20]))]
        receipts = together.alerts.receive(batch, at)
        assert receipts == [one_by_one.alerts.receive_one(alert, at) for alert in batch]
        ended = chance.choice([PipelineState.RESOLVED, PipelineState.ESCALATED, None])
        known = next((one for one in receipts if one is not None), None)
        if ended is not None and known is not None:
            for store in (one_by_one, together):
                store.timeline.move(known.incident_id, ended, "it ended", key=f"end {turn}", at=at + 1)
        assert all_of(together) == all_of(one_by_one)
