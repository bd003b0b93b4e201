"""Is anything lost or done twice when the responder is killed? kill -9 in every state of an incident.

Each kill has an incident and a service of its own: it is reported, the responder is killed as soon as the
timeline shows the state, started again, and the incident must end. What was done is counted where it was.
"""

import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aegisops.bench.bench_database import require_empty
from aegisops.bench.crash_scene import RecoveryServer, Remedies
from aegisops.bench.crash_traces import Traces
from aegisops.bench.registry import Say
from aegisops.bench.responder_process import ResponderProcess
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows
from aegisops.bench.simulated_remedies import draw_incidents
from detector import Incident
from responder.incident_record import PipelineState

ROUNDS = 20
STATES = (
    PipelineState.RECEIVED,
    PipelineState.ANALYSING,
    PipelineState.COUNCIL_REVIEW,
    PipelineState.AWAITING_APPROVAL,
    PipelineState.APPROVED,
    PipelineState.EXECUTING,
    PipelineState.SCALING,
    PipelineState.VERIFYING,
    PipelineState.RESOLVED,
)
_ACTION_S = 0.2
_WAIT_S = 60.0
_POLL_S = 0.005
_SAY_EACH = 9


@dataclass(frozen=True, slots=True)
class Killed:
    """One incident the responder was killed in. `repeated`: steps performed more than once."""

    incident: Incident
    state: PipelineState
    ended: PipelineState | None
    seconds: float
    repeated: int

    @property
    def lost(self) -> bool:
        """It did not end, or the pipeline could not go on with it."""
        return self.ended in (None, PipelineState.FAILED)

    @property
    def escalated(self) -> bool:
        """An action that was cut off was not repeated and did not help, so that a human was called."""
        return self.ended is PipelineState.ESCALATED


def run(
    say: Say,
    database_url: str | None = None,
    *,
    rounds: int = ROUNDS,
    states: Sequence[PipelineState] = STATES,
) -> BenchResult:
    """Kill `rounds` times in each of `states`, on SQLite or the PostgreSQL database at `database_url`."""
    if database_url is not None:
        require_empty(database_url)
    with tempfile.TemporaryDirectory(prefix="aegisops-crash-") as name, Traces() as traces:
        planned = [(state, f"{state.value.lower()}-{turn}") for turn in range(rounds) for state in states]
        killed = list(_kill_all(Path(name), database_url, planned, traces.variables, say))
    broken = sum(traces.of(one.incident.id) != {one.incident.trace_id} for one in killed)
    none = Goal(Bound.AT_MOST, 0)
    return BenchResult(
        bench="crash",
        figures=(
            Figure("kills", len(killed), about="kill -9, each in one incident"),
            Figure("lost", sum(one.lost for one in killed), none, "incidents that did not end"),
            Figure("escalated", sum(one.escalated for one in killed), about="a cut off action did not help"),
            Figure("repeated_actions", sum(one.repeated for one in killed), none, "steps performed twice"),
            Figure("broken_traces", broken, none, "incidents whose spans are not of one trace"),
        ),
        tables=(Rows("by_state", ("state", "kills", "lost", "repeated", "slowest_s"), _by_state(killed)),),
    )


def _by_state(killed: list[Killed]) -> tuple[tuple[str | int | float, ...], ...]:
    rows = []
    for state in dict.fromkeys(one.state for one in killed):
        here = [one for one in killed if one.state is state]
        slowest = round(max(one.seconds for one in here), 1)
        rows.append(
            (state.value, len(here), sum(o.lost for o in here), sum(o.repeated for o in here), slowest)
        )
    return tuple(rows)


def _kill_all(
    directory: Path,
    database_url: str | None,
    planned: Sequence[tuple[PipelineState, str]],
    otel: Mapping[str, str],
    say: Say,
) -> Iterator[Killed]:
    """One kill for each of `planned`: in which state, and the service of the incident."""
    services = {name: "SCALE_UP" if state is PipelineState.SCALING else "RESTART" for state, name in planned}
    asking = frozenset(name for state, name in planned if state is PipelineState.AWAITING_APPROVAL)
    remedies = Remedies(directory, services, asking, _ACTION_S)
    incidents = draw_leaks([name for _, name in planned])
    with (
        RecoveryServer(remedies.acted_in) as detector,
        ResponderProcess(directory, quick_settings(remedies, detector.url, database_url), otel) as responder,
    ):
        responder.start()
        for number, ((state, _), incident) in enumerate(zip(planned, incidents, strict=True), start=1):
            yield _kill_in(state, incident, responder, remedies)
            if number % _SAY_EACH == 0 or number == len(planned):
                say(f"{number} of {len(planned)} kills")


def quick_settings(remedies: Remedies, detector_url: str, database_url: str | None) -> dict[str, str]:
    """A responder's, for incidents that take no longer than they must; `database_url`: SQLite where None."""
    return {
        "CATALOGUE": str(remedies.catalogue),
        "POLICY": str(remedies.policy),
        "DETECTOR_URL": detector_url,
        "SETTLE_S": "0.3",
        "VERIFY_STABLE_S": "0.3",
        "VERIFY_POLL_S": "0.05",
        **({} if database_url is None else {"DATABASE_URL": database_url}),
    }


def draw_leaks(services: Sequence[str]) -> list[Incident]:
    """One and the same leak on each of `services`, each with a trace of its own."""
    (leak,) = draw_incidents(seed=1, count=1)
    return [
        replace(
            leak.incident,
            id=f"CRASH-{service}",
            service=service,
            evidence=tuple(replace(one, service=service) for one in leak.incident.evidence),
            traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        )
        for service in services
    ]


def _kill_in(
    state: PipelineState, incident: Incident, responder: ResponderProcess, remedies: Remedies
) -> Killed:
    responder.report(incident)
    _wait(responder, incident.id, {state})
    responder.kill()
    since = time.monotonic()
    responder.start()
    if state is PipelineState.AWAITING_APPROVAL:
        responder.approve(incident.id)
    ended = _wait(responder, incident.id, {one for one in PipelineState if one.final})
    keys = {key: count for key, count in remedies.acted().items() if key.startswith(f"{incident.id}:")}
    return Killed(
        incident=incident,
        state=state,
        ended=ended,
        seconds=time.monotonic() - since,
        repeated=sum(count - 1 for count in keys.values()),
    )


def _wait(responder: ResponderProcess, incident_id: str, states: set[PipelineState]) -> PipelineState | None:
    """The first of `states` that is on the incident's timeline; None when none comes in time."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        for event in responder.record(incident_id)["timeline"]:
            if event["state"] in states:
                return PipelineState(event["state"])
        time.sleep(_POLL_S)
    return None
