"""Does a storm of alerts stay bounded? Ten thousand alerts of twenty causes, within a minute.

They are sent over HTTP to a responder of its own, by webhooks and, as the detector does, by revisions of its
incidents; no detector runs. Nothing may be done in it (no catalogue, no policy): its pipeline diagnoses and
escalates. Afterwards it is killed, and what stands in its database is held against what was sent.
"""

import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import select

from aegisops.bench.bench_database import require_empty
from aegisops.bench.registry import Say
from aegisops.bench.responder_process import ResponderProcess
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows, Value
from aegisops.bench.storm_calls import Arrival, Call, draw_storm
from aegisops.bench.storm_load import Sent, Storm, Watch, percentile
from responder.store import Database, alert_digest
from responder.store.schema import alert_episodes, incidents

ALERTS = 10_000
CAUSES = 20
SPREAD_S = 50.0
_RATE = "1000000/minute"  # the default would hold the sender back, which is what it is for


def run(
    say: Say,
    database_url: str | None = None,
    *,
    alerts: int = ALERTS,
    causes: int = CAUSES,
    spread_s: float = SPREAD_S,
) -> BenchResult:
    """Send the storm, look meanwhile, count afterwards; on SQLite, or the database at `database_url`."""
    if database_url is not None:
        require_empty(database_url)
    with tempfile.TemporaryDirectory(prefix="aegisops-storm-") as name:
        directory = Path(name)
        kept = database_url or f"sqlite:///{directory / 'responder.db'}"
        with ResponderProcess(directory, {"WEBHOOK_RATE": _RATE, "DATABASE_URL": kept}) as responder:
            responder.start()
            calls = draw_storm(alerts, causes, time.time())
            say(f"{alerts} alerts of {causes} causes in {len(calls)} calls over {spread_s:g} s")
            watch = Watch(responder.url, responder.pid)
            since = time.monotonic()
            with watch.looking():
                sent = Storm(responder.url, calls, spread_s).send()
                seconds = time.monotonic() - since
        database = Database(kept, "the bench's database")
        found, stand = standing(database, calls)
        database.close()
    lost = sum(
        not (one.taken and (one.call.service, arrival) in stand)
        for one in sent
        for arrival in one.call.arrivals
    )
    return _result(sent, watch, seconds=seconds, found=found, lost=lost, causes=causes)


def standing(database: Database, calls: Sequence[Call]) -> tuple[int, set[tuple[str, Arrival]]]:
    """How many incidents there are, and which arrivals stand on one of their service."""
    with database.read() as tx:
        rows = tx.execute(select(incidents.c.service, incidents.c.detector_id, incidents.c.revision)).all()
        episodes = tx.execute(
            select(alert_episodes.c.digest, incidents.c.service).join(
                incidents, incidents.c.id == alert_episodes.c.incident_id
            )
        ).all()
    on = {(row.digest, row.service) for row in episodes}
    newest = {(row.detector_id, row.service): row.revision for row in rows}

    def stands(service: str, arrival: Arrival) -> bool:
        if arrival.source == "detector":
            return bool(newest.get((arrival.key, service), 0) >= arrival.revision)
        return (alert_digest(arrival.source, arrival.key), service) in on

    asked = {(call.service, arrival) for call in calls for arrival in call.arrivals}
    return len(rows), {(service, arrival) for service, arrival in asked if stands(service, arrival)}


def _result(
    sent: Sequence[Sent], watch: Watch, *, seconds: float, found: int, lost: int, causes: int
) -> BenchResult:
    looks = [one for each in watch.seconds.values() for one in each]
    mib = 2.0**20
    return BenchResult(
        bench="storm",
        figures=(
            Figure("alerts", sum(len(one.call.arrivals) for one in sent), about="that were sent"),
            Figure("incidents", found, Goal(Bound.AT_MOST, causes), "they became"),
            Figure("causes", causes),
            Figure("lost", lost, Goal(Bound.AT_MOST, 0), "not taken in, or not on their incident"),
            Figure(
                "api_p99_ms",
                1e3 * percentile(looks, 0.99),
                Goal(Bound.AT_MOST, 200),
                "of calls that look, meanwhile",
            ),
            Figure("api_p50_ms", 1e3 * percentile(looks, 0.5)),
            Figure("api_errors", watch.errors, Goal(Bound.AT_MOST, 0), "of those calls, failed"),
            Figure("seconds", seconds, Goal(Bound.AT_MOST, 60), "until all was taken in"),
            Figure("calls", len(sent), about="that brought them"),
            Figure(
                "calls_repeated", sum(one.tries > 1 for one in sent), about="as they were not taken at once"
            ),
            Figure("cpu_s", watch.cpu_s, about="of the process, of one processor"),
            Figure(
                "memory_ratio",
                watch.rss_peak / watch.rss_before,
                Goal(Bound.AT_MOST, 2),
                "of the process, peak to before",
            ),
            Figure("memory_before_mib", watch.rss_before / mib),
            Figure("memory_peak_mib", watch.rss_peak / mib),
        ),
        tables=(
            Rows(
                "looking",
                ("path", "calls", "p50_ms", "p99_ms", "slowest_ms"),
                _latencies(watch.seconds.items()),
            ),
            Rows(
                "taking_in",
                ("path", "calls", "p50_ms", "p99_ms", "slowest_ms"),
                _latencies(
                    (path, [one.seconds for one in sent if one.call.path == path])
                    for path in sorted({one.call.path for one in sent})
                ),
            ),
        ),
    )


def _latencies(paths: Iterable[tuple[str, list[float]]]) -> tuple[tuple[Value, ...], ...]:
    return tuple(
        (path, len(seconds), *(round(1e3 * percentile(seconds, share), 1) for share in (0.5, 0.99, 1.0)))
        for path, seconds in paths
    )
