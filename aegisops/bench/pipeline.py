"""What does durability cost? Queued incidents are worked off with it, and by the same functions without.

All rooms but the offline analyst answer at once, so that of each incident nothing is left but what the
pipeline reads and writes. Both write incidents, timeline, actions and audit trail to SQLite; durability is
over that: the workflow library keeps the queue and the result of each step, so that a crash repeats none.
"""

import secrets
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path

from opentelemetry import metrics, trace

from aegisops.bench.pipeline_rooms import instant_rooms
from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows
from aegisops.bench.simulated_remedies import draw_incidents
from aegisops.bench.storm_load import percentile
from responder.incident_record import PipelineState
from responder.pipeline import (
    SINGLE,
    DbosWorkflows,
    DirectSteps,
    Pipeline,
    PipelineSteps,
    Steps,
    StepsConfig,
    StopGate,
)
from responder.store import Database, Store
from responder.telemetry import PipelineMetrics, Stages

INCIDENTS = 500
AT_ONCE = 16
MAX_ATTEMPTS = 3
_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Worked:
    """Incidents worked off: how many were resolved, in how long, and the seconds each spent in each state."""

    incidents: int
    resolved: int
    seconds: float
    states: Mapping[PipelineState, Sequence[float]]


def run(say: Say, incidents: int = INCIDENTS) -> BenchResult:
    """Half of it directly, all of it durably, the other half directly, so that a change of the machine's load
    falls on both."""
    half = incidents // 2
    say(f"{half} incidents by direct calls")
    before = _work_off(half, durable=False)
    say(f"{incidents} queued incidents, durably")
    durable = _work_off(incidents, durable=True)
    say(f"{incidents - half} incidents by direct calls")
    after = _work_off(incidents - half, durable=False)
    direct = Worked(
        incidents=before.incidents + after.incidents,
        resolved=before.resolved + after.resolved,
        seconds=before.seconds + after.seconds,
        states={
            state: [*before.states.get(state, ()), *after.states.get(state, ())] for state in PipelineState
        },
    )
    return _result(durable, direct)


def _result(durable: Worked, direct: Worked) -> BenchResult:
    pace, direct_pace = (one.incidents / one.seconds for one in (durable, direct))
    unresolved = sum(one.incidents - one.resolved for one in (durable, direct))
    return BenchResult(
        bench="pipeline",
        figures=(
            Figure("incidents", durable.incidents, about="queued, and worked off durably"),
            Figure("at_once", AT_ONCE, about="worked on at the same time"),
            Figure("incidents_per_second", pace),
            Figure("direct_incidents_per_second", direct_pace, about="without durability"),
            Figure("overhead_ratio", direct_pace / pace, about="time an incident, durable to direct"),
            Figure("unresolved", unresolved, Goal(Bound.AT_MOST, 0), "of either"),
        ),
        tables=(
            Rows(
                "by_state",
                ("state", "p50_ms", "p95_ms", "direct_p50_ms", "direct_p95_ms"),
                tuple(
                    (
                        state.value,
                        *(
                            round(1e3 * percentile(one.states[state], share), 1)
                            for one in (durable, direct)
                            for share in (0.5, 0.95)
                        ),
                    )
                    for state in PipelineState
                    if durable.states.get(state)
                ),
            ),
        ),
    )


def _work_off(incidents: int, *, durable: bool) -> Worked:
    with tempfile.TemporaryDirectory(prefix="aegisops-pipeline-") as directory:
        database = Database(f"sqlite:///{Path(directory) / 'responder.db'}", "the bench's own directory")
        database.open()
        try:
            store = Store.over(database)
            ids = list(_receive(store, incidents))
            work_off = _durably if durable else _directly
            seconds = work_off(store, ids)
            return _worked(store, ids, seconds)
        finally:
            database.close()


def _receive(store: Store, count: int) -> Iterator[str]:
    """One leak for each, on a service of its own."""
    (leak,) = draw_incidents(seed=1, count=1)
    for number in range(count):
        service = f"service-{number}"
        incident = replace(
            leak.incident,
            id=f"QUEUED-{number}",
            service=service,
            evidence=tuple(replace(one, service=service) for one in leak.incident.evidence),
            traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        )
        yield store.incidents.receive(incident, time.time()).incident_id


def _pipeline(store: Store, steps: Steps, gate: StopGate) -> Pipeline:
    measured = PipelineMetrics(metrics.NoOpMeterProvider())
    return Pipeline(
        PipelineSteps(
            config=StepsConfig(settle_s=0.0),
            store=store,
            rooms=instant_rooms(),
            stages=Stages(trace.NoOpTracerProvider(), metrics.NoOpMeterProvider()),
            metrics=measured,
            gate=gate,
            instance=SINGLE,
            clock=time.time,
            sleep=time.sleep,
        ),
        steps,
        measured,
        MAX_ATTEMPTS,
    )


def _directly(store: Store, ids: Sequence[str]) -> float:
    pipeline = _pipeline(store, DirectSteps(), StopGate())
    since = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(pipeline.run, ids))
    return time.monotonic() - since


def _durably(store: Store, ids: Sequence[str]) -> float:
    gate, done = StopGate(), threading.Semaphore(0)
    workflows = DbosWorkflows(store.database.url, gate, AT_ONCE, SINGLE, store.database.workflow_engine())
    pipeline = _pipeline(store, workflows, gate)

    def run(incident_id: str) -> str:
        state = pipeline.run(incident_id)
        done.release()
        return state

    gate.shut()  # nothing begins before all are queued
    try:
        workflows.launch(run, pipeline.go_on)
        for incident_id in ids:
            workflows.start(incident_id)
        since = time.monotonic()
        gate.reopen()
        for _ in ids:
            if not done.acquire(timeout=_WAIT_S):
                raise RuntimeError(f"no incident ended within {_WAIT_S:g} s")
        return time.monotonic() - since
    finally:
        workflows.close()


def _worked(store: Store, ids: Sequence[str], seconds: float) -> Worked:
    states: dict[PipelineState, list[float]] = defaultdict(list)
    resolved = 0
    for incident_id in ids:
        record = store.records.get(incident_id)
        if record is None:
            raise LookupError(f"no incident {incident_id}")
        resolved += record.state is PipelineState.RESOLVED
        moves = [event for _, (event, *_) in groupby(record.timeline, key=lambda event: event.state)]
        for begun, left in pairwise(moves):
            states[begun.state].append(left.at - begun.at)
    return Worked(len(ids), resolved, seconds, states)
