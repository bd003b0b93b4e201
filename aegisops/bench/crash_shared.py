"""Do several responders on one database ever work one incident? They are killed at random times meanwhile.

Each incident has a service of its own, and is reported twice at the same time, to responders by lot. Kills
come at random times, to responders by lot, which are started again at once. What was done is counted where
it was done, and traces where the spans arrive.
"""

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from aegisops.bench.bench_database import require_empty
from aegisops.bench.crash import draw_leaks, quick_settings
from aegisops.bench.crash_scene import RecoveryServer, Remedies
from aegisops.bench.crash_supervisor import Supervisor
from aegisops.bench.crash_traces import Traces
from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows
from detector import Incident
from responder.audit import AuditTrail
from responder.incident_record import FINAL_STATES, IncidentRecord, PipelineState
from responder.store import Database, Store
from responder.store.schema import incidents as incident_rows
from responder.store.schema import timeline

_AT_ONCE = "4"  # of each responder
_ACTION_S = 0.2
MEAN_GAP_S = 6.0
_SAID = 20  # times in all
_REPORT_GAP_S = 0.2
_REPORTED_WITHIN_S = 120.0
_STALLED_S = 180.0
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database says afterwards. `records`: of those that were reported; `trail`: what is wrong with
    the audit trail, None where nothing is."""

    records: Sequence[IncidentRecord]
    incidents: int
    taken_over: int
    trail: str | None


def run(
    say: Say,
    database_url: str,
    *,
    responders: int,
    incidents: int,
    kills: int,
    seed: int,
    mean_gap_s: float = MEAN_GAP_S,
) -> BenchResult:
    """`incidents` on `responders`, with up to `kills` kills, fewer where all has ended before; `mean_gap_s`:
    between two kills."""
    require_empty(database_url)
    reported = draw_leaks([f"service-{number}" for number in range(incidents)])
    with tempfile.TemporaryDirectory(prefix="aegisops-crash-") as name, Traces() as traces:
        directory = Path(name)
        remedies = Remedies(directory, {one.service: "RESTART" for one in reported}, frozenset(), _ACTION_S)
        database = Database(database_url, "the bench's database")
        with (
            RecoveryServer(remedies.acted_in) as detector,
            Supervisor(
                responders,
                directory,
                quick_settings(remedies, detector.url, database_url) | {"MAX_RUNNING": _AT_ONCE},
                traces.variables,
            ) as supervisor,
        ):
            since = time.monotonic()
            chance = np.random.default_rng([seed, 0])
            gaps = chance.exponential(mean_gap_s, kills).tolist()
            with _killing(supervisor, gaps, chance) as killed:
                reports = _report(supervisor, reported, seed)
                _wait(database, incidents, killed, say)
            seconds = time.monotonic() - since
        kept = _look_up(database, reported)
        database.close()
        return _result(
            reported,
            kept,
            traces,
            remedies.acted(),
            work=(
                Figure("responders", responders),
                Figure("kills", len(killed), about="kill -9, at random times"),
                Figure("reports", reports, about="tried, two an incident and more where they failed"),
                Figure("ended_alone", supervisor.ended_alone, about="responders that nobody killed"),
                Figure("seconds", seconds, about="from the first report to the last end"),
            ),
        )


@contextmanager
def _killing(
    supervisor: Supervisor, gaps: Sequence[float], chance: np.random.Generator
) -> Iterator[list[float]]:
    """Kill while the block lasts; when each was made."""
    enough = threading.Event()
    killed: list[float] = []

    def kill() -> None:
        for gap in gaps:
            if enough.wait(gap):
                return
            if supervisor.kill_one(chance):
                killed.append(time.monotonic())

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)
        try:
            yield killed
        finally:
            enough.set()
            killing.result()


def _report(supervisor: Supervisor, incidents: Sequence[Incident], seed: int) -> int:
    """All incidents, each by two reporters; how many tries it took. RuntimeError where nobody took one."""

    def reporter(number: int) -> int:
        chance = np.random.default_rng([seed, number])
        tries = 0
        for incident in incidents:
            taken_at = supervisor.report(incident, chance, _REPORTED_WITHIN_S)
            if taken_at == 0:
                raise RuntimeError(f"no responder took {incident.id} within {_REPORTED_WITHIN_S:g} s")
            tries += taken_at
            time.sleep(_REPORT_GAP_S)
        return tries

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(reporter, (1, 2)))


def _wait(database: Database, incidents: int, killed: Sequence[float], say: Say) -> None:
    """Until all have ended, or for a while none has."""
    ended, since = 0, time.monotonic()
    while time.monotonic() - since < _STALLED_S:
        with database.read() as tx:
            now = tx.execute(select(func.count()).where(incident_rows.c.state.in_(FINAL_STATES))).scalar_one()
        if now > ended:
            if now * _SAID // incidents > ended * _SAID // incidents:
                say(f"{now} of {incidents} incidents have ended, {len(killed)} kills")
            ended, since = now, time.monotonic()
        if ended >= incidents:
            return
        time.sleep(_LOOK_S)


def _look_up(database: Database, reported: Sequence[Incident]) -> Kept:
    records = Store.over(database).records
    found = [records.get(one.id) for one in reported]
    with database.read() as tx:
        rows = tx.execute(select(func.count()).select_from(incident_rows)).scalar_one()
        over = func.count(timeline.c.incident_id.distinct())
        taken_over = tx.execute(select(over).where(timeline.c.key.startswith("taken over:"))).scalar_one()
    return Kept(
        records=[record for record in found if record is not None],
        incidents=rows,
        taken_over=taken_over,
        trail=AuditTrail(database, time.time).check().fault,
    )


def _result(
    reported: Sequence[Incident],
    kept: Kept,
    traces: Traces,
    acted: Mapping[str, int],
    work: tuple[Figure, ...],
) -> BenchResult:
    none = Goal(Bound.AT_MOST, 0)
    final = [one for one in kept.records if one.state.final]
    ended = sum(one.state is not PipelineState.FAILED for one in final)
    escalated = [one for one in final if one.state is PipelineState.ESCALATED]
    broken = sum(traces.of(one.id) != {one.trace_id} for one in reported)
    return BenchResult(
        bench="crash",
        figures=(
            Figure("incidents", kept.incidents, Goal(Bound.AT_MOST, len(reported)), "that were kept"),
            Figure("final", len(final), Goal(Bound.AT_LEAST, len(reported)), "ended"),
            Figure("taken_over", kept.taken_over, about="incidents another responder went on with"),
            Figure("lost", len(reported) - ended, none, "incidents that did not end"),
            Figure("escalated", len(escalated), about="a cut off action did not help"),
            Figure("actions", sum(acted.values()), about="steps performed"),
            Figure("repeated_actions", sum(acted.values()) - len(acted), none, "steps performed twice"),
            Figure("broken_traces", broken, none, "incidents whose spans are not of one trace"),
            Figure("broken_trails", int(kept.trail is not None), none, "audit trails that do not verify"),
            *work,
        ),
        tables=(Rows("escalated_why", ("incident", "action", "last"), _why(escalated)),),
    )


def _why(escalated: Sequence[IncidentRecord]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            one.incident.id,
            ", ".join(f"{action.action} {action.outcome}" for action in one.actions),
            one.timeline[-1].message,
        )
        for one in escalated
    )
