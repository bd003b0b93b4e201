"""Whatever comes in: nothing is raised, memory is bounded, all that is published is finite."""

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from synthetic_service import START, TRACE, Observation, RecordingTracer, steady

from detector.engine import Engine, EngineConfig
from detector.incident import Incident, IncidentState
from detector.series import (
    Heartbeat,
    InstanceId,
    LogNotice,
    Normalised,
    Origin,
    Samples,
    SeriesKey,
    SeriesRegistry,
    ServiceId,
    SpanNotice,
    Stat,
)

NAMES = [
    "process.cpu.utilization",
    "process.memory.usage",
    "span.server",
    "span.client",
    "log.records",
    "db.client.connection.timeouts",
    "queue.length",
    "weather",
]
SERVICES = [ServiceId("", "a"), ServiceId("prod", "b")]
KEYS = [
    SeriesKey(service, name, stat, "s", Origin.METRIC, (("severity", "error"),))
    for service in SERVICES
    for name in NAMES
    for stat in Stat
]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.one_of(st.floats(-1e12, 1e12), st.floats(START - 10, START + 100))
ROWS = st.lists(st.tuples(st.integers(0, len(KEYS) - 1), st.integers(0, 3), TIMES, FINITE), max_size=40)
LOGS = st.lists(st.tuples(st.integers(0, 24), st.text(max_size=80), st.booleans()), max_size=5)
STEPS = st.lists(st.tuples(ROWS, LOGS, st.integers(0, 5), st.floats(0, 30)), max_size=25)
FAST = EngineConfig(warm_up=3, history=3, max_watched=20, max_trends=5)


def engine_of(config: EngineConfig) -> tuple[Engine, SeriesRegistry]:
    registry, numbers = SeriesRegistry(), itertools.count()
    return Engine(registry, config, RecordingTracer(), lambda: f"INC-{next(numbers)}"), registry


@given(STEPS)
@settings(max_examples=50, deadline=None)
def test_any_telemetry_is_survived_and_what_is_published_is_valid(steps) -> None:
    engine, registry = engine_of(FAST)
    now = START
    published = TypeAdapter(Incident)
    for rows, logs, pid, pause in steps:
        instances = [InstanceId(SERVICES[i % 2], f"i{i}") for i in range(4)]
        samples = Samples(
            np.array([registry.series_slot(KEYS[k]) for k, *_ in rows], dtype=np.int64),
            np.array([registry.instance_slot(instances[i]) for _, i, *_ in rows], dtype=np.int64),
            np.array([t for *_, t, _ in rows], dtype=np.float64),
            np.array([v for *_, v in rows], dtype=np.float64),
        )
        notices = [
            LogNotice(SERVICES[0], instances[0], now, severity, body, body, new, "")
            for severity, body, new in logs
        ]
        spans = [SpanNotice(SERVICES[1], instances[1], now, "s", 3, 0.1, True, TRACE, "peer")]
        beats = [Heartbeat(instances[i], now, None, "", pid) for i in range(min(pid, 4))]
        engine.ingest(Normalised(samples, beats, notices, spans), now)
        now += pause
        for incident in engine.tick(now):
            assert published.validate_json(published.dump_json(incident)) == incident
            for evidence in incident.evidence:
                numbers = (evidence.before, evidence.now, evidence.low, evidence.high, evidence.score)
                assert all(n is None or math.isfinite(n) for n in numbers)
                assert 0.0 <= evidence.score <= 1.0
            assert 0.0 <= incident.confidence <= 1.0
            answer = engine.recovery(incident.id, now)
            assert answer is None or answer.normal_for_s >= 0.0
        for health in engine.services(now):
            assert all(math.isfinite(signal.value) for signal in health.signals)


def test_history_is_bounded_and_newest_first() -> None:
    watched = Observation(EngineConfig(history=3, closing_s=3.0))
    service = watched.service()
    watched.pass_time(30)
    for _ in range(6):
        service.override = {"cpu": steady(1.0)}
        watched.pass_time(5)
        service.override = {}
        watched.pass_time(8)
    kept = watched.engine.incidents()
    assert [i.id for i in kept] == ["INC-6", "INC-5", "INC-4"]
    assert watched.engine.incident("INC-1") is None
    assert watched.engine.recovery("INC-1", watched.now) is None
    assert watched.engine.incidents(IncidentState.OPEN) == []


def test_services_past_the_bound_do_not_grow_the_state() -> None:
    watched = Observation(EngineConfig(max_services=3))
    for n in range(6):
        watched.service(name=f"s{n}")
    watched.pass_time(30)
    assert len(watched.engine.services(watched.now)) == 3


def test_the_same_telemetry_gives_the_same_incidents() -> None:
    def run() -> list[Incident]:
        watched = Observation()
        service = watched.service(seed=5, replicas=2)
        watched.pass_time(30)
        service.override = {"cpu": steady(1.0), "server": steady(0.7, 0.05)}
        watched.pass_time(10)
        return [incident for _, incident in watched.reports]

    assert run() == run()


def test_evidence_keeps_its_ids_and_revisions_count_up() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(30)
    service.override = {"cpu": steady(1.0)}
    watched.pass_time(3)
    service.override = {"cpu": steady(1.0), "server": steady(0.9), "errors": steady(0.5)}
    watched.pass_time(8)
    reports = [incident for _, incident in watched.reports]
    assert [i.revision for i in reports] == list(range(1, len(reports) + 1))
    ids = {e.series: e.id for e in reports[0].evidence}
    assert all(next(e.id for e in r.evidence if e.series == s) == i for r in reports for s, i in ids.items())
    assert {i.traceparent for i in reports} == {f"00-{TRACE}-b7ad6b7169203331-01"}


def test_examples_are_cited() -> None:
    watched = Observation()
    service = watched.service()
    watched.pass_time(30)
    service.override = {"errors": steady(0.5), "error_logs": steady(5.0)}

    def complain(t: float) -> None:
        service.logs, service.failed_spans = [(17, "cannot reach warehouse", t > 30)], 1

    watched.pass_time(6, complain)
    (incident,) = watched.latest
    assert any("cannot reach warehouse" in e.log_lines for e in incident.evidence)
    assert any(TRACE in e.trace_ids for e in incident.evidence if e.signal == "error_ratio")


def test_a_service_overview_shows_its_golden_signals() -> None:
    watched = Observation()
    service = watched.service(replicas=2)
    watched.pass_time(30)
    (health,) = watched.engine.services(watched.now)
    assert (health.service, health.reporting, health.warm, health.open_incident) == ("shop", True, True, None)
    assert health.instances == ("shop-0", "shop-1")
    signals = {s.signal: s for s in health.signals}
    assert {"cpu", "memory", "disk", "client_latency", "db_pool", "error_ratio", "server_latency"} <= set(
        signals
    )
    assert signals["memory"].share == signals["memory"].value
    assert all(s.normal for s in health.signals)
    service.override = {"cpu": steady(1.0)}
    watched.pass_time(4)
    (health,) = watched.engine.services(watched.now)
    assert health.open_incident == "INC-1"
    assert not next(s for s in health.signals if s.signal == "cpu").normal
