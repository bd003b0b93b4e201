"""The log lines around an incident, searched."""

from collections.abc import Callable

import pytest
from detector_incidents import an_incident
from hypothesis import given
from hypothesis import strategies as st
from synthetic_service import Observation, steady

from detector.correlate.log_history import LogHistory
from detector.incident import LogLine, LogSeverity
from detector.series import InstanceId, LogNotice, ServiceId

CHECKOUT = ServiceId("shop", "checkout")
WARN, ERROR, FATAL = LogSeverity
INCIDENT = an_incident(started_at=1000.0)

Search = Callable[..., list[LogLine]]


def record(
    body: str, time: float = 1000.0, severity: int = 17, template: str = "", service: ServiceId = CHECKOUT
) -> LogNotice:
    trace_id = "ab" * 16 if body.endswith("!") else ""
    return LogNotice(
        service, InstanceId(service, "a"), time, severity, body, template or body, False, trace_id
    )


def history(*records: LogNotice, max_bytes: int = 100_000, max_services: int = 5) -> LogHistory:
    kept = LogHistory(max_bytes, max_services)
    for one in records:
        kept.add(one)
    return kept


def lines(kept: LogHistory, pattern: str = "", least: LogSeverity = WARN, limit: int = 50) -> list[str]:
    return [line.line for line in kept.around(INCIDENT, pattern, least, limit)]


def test_records_of_one_template_and_severity_are_one_line_with_their_count() -> None:
    kept = history(
        *(record(f"order {n} failed!", 1000.0 + n, template="order <num> failed") for n in range(60)),
        record("slow", 1030.0, severity=13),
    )
    assert kept.around(INCIDENT, "", WARN, 50) == [
        LogLine(ERROR, "order <num> failed", "order 59 failed!", 60, 1000.0, 1059.0, "ab" * 16),
        LogLine(WARN, "slow", "slow", 1, 1030.0, 1030.0),
    ]


@pytest.mark.parametrize(
    ("time", "closed_at", "found"),
    [
        (939.0, None, False),
        (941.0, None, True),
        (5000.0, None, True),
        (1090.0, 1050.0, True),
        (1111.0, 1050.0, False),
    ],
)
def test_only_lines_around_the_incident_belong_to_it(
    time: float, closed_at: float | None, found: bool
) -> None:
    kept = history(record("bad", time))
    incident = an_incident(started_at=1000.0, closed_at=closed_at)
    assert bool(kept.around(incident, "", WARN, 50)) is found


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("DISK", ["no space on disk (a+)+$"]), ("(a+)+$", ["no space on disk (a+)+$"]), (".*", [])],
)
def test_a_pattern_is_plain_text(pattern: str, found: list[str]) -> None:
    assert lines(history(record("no space on disk (a+)+$"), record("refused")), pattern) == found


def test_lines_can_be_asked_for_from_a_severity_on() -> None:
    kept = history(record("w", 1001.0, 13), record("e", 1002.0, 17), record("f", 1003.0, 21))
    assert [lines(kept, least=least) for least in (WARN, ERROR, FATAL)] == [
        ["f", "e", "w"],
        ["f", "e"],
        ["f"],
    ]
    assert lines(kept, limit=1) == ["f"]


def test_other_services_lines_are_not_found() -> None:
    assert lines(history(record("bad", service=ServiceId("", "checkout")))) == []


def test_the_oldest_lines_make_room() -> None:
    kept = history(*(record(f"{n} {'x' * 400}", 1000.0 + n) for n in range(100)), max_bytes=10_000)
    found = lines(kept)
    assert 5 <= len(found) <= 20
    assert found[0].startswith("99 ")


def test_the_service_that_has_not_logged_for_longest_makes_room() -> None:
    others = [record("x", service=ServiceId("", str(n))) for n in range(4)]
    kept = history(record("bad"), *others, record("worse"), record("x", service=ServiceId("", "new")))
    assert lines(kept) == ["worse", "bad"]
    assert lines(history(record("bad"), *others, others[0], max_services=4)) == []


@given(st.lists(st.tuples(st.text(max_size=500), st.floats(900, 1100), st.integers(13, 24)), max_size=60))
def test_whatever_is_logged_it_stays_bounded_and_counts_add_up(
    records: list[tuple[str, float, int]],
) -> None:
    notices = [record(body, time, severity) for body, time, severity in records]
    incident = an_incident(started_at=1000.0)
    everything = history(*notices, max_bytes=10**9).around(incident, "", WARN, 1000)
    assert sum(line.count for line in everything) <= len(records)
    small = history(*notices, max_bytes=5000)
    assert small._services == {} or small._services[CHECKOUT].size <= 5000


def test_the_engine_finds_the_logs_of_an_incident() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(30)
    service.override = {"errors": steady(0.7)}
    service.logs = [(17, "no space left on device", False), (13, "disk is slow", False)]
    watched.pass_time(5)
    (incident,) = watched.latest
    found = watched.engine.logs(incident.id, "disk", WARN, 50)
    assert found is not None
    assert [(line.severity, line.line) for line in found] == [(WARN, "disk is slow")]
    assert watched.engine.logs("INC-who", "", WARN, 50) is None
