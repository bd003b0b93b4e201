"""A responder killed in the middle of an incident goes on where it was, and repeats nothing."""

import os
import signal
import time

import pytest
from running_stack import Running

from aegisops.demo.watch import wait_until
from responder.incident_record import ActionOutcome, PipelineState

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


KILLED_IN = [
    ("disk_space", PipelineState.ANALYSING),
    ("network_latency", PipelineState.EXECUTING),
    ("cpu_spike", PipelineState.VERIFYING),
]


@pytest.mark.parametrize(("fault", "state"), KILLED_IN)
def test_an_incident_whose_responder_is_killed_is_resolved_and_nothing_runs_twice(
    running: Running, fault: str, state: PipelineState
) -> None:
    demo, view = running.demo, running.demo.view
    demo.warm_up()
    injected_at = time.time()

    def reached() -> bool:
        found = view.incidents_since(injected_at)
        return any(event.state is state for one in found for event in view.record(one.incident.id).timeline)

    demo.chaos.inject(fault)
    try:
        wait_until(reached, 30, lambda: f"no incident reached {state}", poll_s=0.02)
        (responder,) = [p for p in running.stack.processes() if p.name == "responder"]
        os.kill(responder.pid, signal.SIGKILL)
        running.stack.wait_ready()
        (only,) = view.incidents_since(injected_at)
        wait_until(lambda: view.record(only.incident.id).state.final, 60, lambda: "the incident did not end")
        record = view.record(only.incident.id)
    finally:
        demo.chaos.clear(fault)
    assert record.state is PipelineState.RESOLVED
    assert [action.outcome for action in record.actions] == [ActionOutcome.SUCCEEDED]
