"""Is anything lost or done twice when the responder is killed? kill -9 in every state of an incident.

Each kill has an incident and a service of its own: it is reported, the responder is killed as soon as the
timeline shows the state, started again, and the incident must end. What was done is counted where it was.
"""

import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aegisops.bench.crash_scene import Remedies, WellOnceActedOn
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


@dataclass(frozen=True, slots=True)
class Killed:
    """One incident the responder was killed in. `repeated`: steps performed more than once."""

    state: PipelineState
    ended: PipelineState | None
    seconds: float
    repeated: int
    one_trace: bool

    @property
    def lost(self) -> bool:
        """It did not end, or the pipeline could not go on with it."""
        return self.ended in (None, PipelineState.FAILED)

    @property
    def escalated(self) -> bool:
        """An action that was cut off was not repeated and did not help, so that a human was called."""
        return self.ended is PipelineState.ESCALATED


def run(say: Say, rounds: int = ROUNDS, states: Sequence[PipelineState] = STATES) -> BenchResult:
    """Kill `rounds` times in each of `states`."""
    with tempfile.TemporaryDirectory(prefix="aegisops-crash-") as directory:
        killed = list(_kill_all(Path(directory), say, rounds, states))
    none = Goal(Bound.AT_MOST, 0)
    return BenchResult(
        bench="crash",
        figures=(
            Figure("kills", len(killed), about="kill -9, each in one incident"),
            Figure("lost", sum(one.lost for one in killed), none, "incidents that did not end"),
            Figure("escalated", sum(one.escalated for one in killed), about="a cut off action did not help"),
            Figure("repeated_actions", sum(one.repeated for one in killed), none, "steps performed twice"),
            Figure(
                "broken_traces", sum(not one.one_trace for one in killed), none, "incidents of two traces"
            ),
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


def _kill_all(directory: Path, say: Say, rounds: int, states: Sequence[PipelineState]) -> Iterator[Killed]:
    planned = [(state, f"{state.value.lower()}-{turn}") for turn in range(rounds) for state in states]
    services = {name: "SCALE_UP" if state is PipelineState.SCALING else "RESTART" for state, name in planned}
    asking = frozenset(name for state, name in planned if state is PipelineState.AWAITING_APPROVAL)
    remedies = Remedies(directory, services, asking, _ACTION_S)
    (leak,) = draw_incidents(seed=1, count=1)
    with (
        WellOnceActedOn(remedies.acted) as detector,
        ResponderProcess(directory, _settings(remedies, detector.url)) as responder,
    ):
        responder.start()
        for number, (state, name) in enumerate(planned, start=1):
            yield _kill_in(state, _on(leak.incident, name), responder, remedies)
            if number % len(states) == 0:
                say(f"{number} of {len(planned)} kills")


def _settings(remedies: Remedies, detector_url: str) -> dict[str, str]:
    return {
        "CATALOGUE": str(remedies.catalogue),
        "POLICY": str(remedies.policy),
        "DETECTOR_URL": detector_url,
        "SETTLE_S": "0.3",
        "VERIFY_STABLE_S": "0.3",
        "VERIFY_POLL_S": "0.05",
    }


def _on(incident: Incident, service: str) -> Incident:
    evidence = tuple(replace(one, service=service) for one in incident.evidence)
    trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    return replace(incident, id=f"CRASH-{service}", service=service, evidence=evidence, traceparent=trace)


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
    record = responder.record(incident.id)
    keys = {key: count for key, count in remedies.acted().items() if key.startswith(f"{incident.id}:")}
    return Killed(
        state=state,
        ended=ended,
        seconds=time.monotonic() - since,
        repeated=sum(count - 1 for count in keys.values()),
        one_trace=record["trace_id"] == incident.trace_id,
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
