"""A responder killed in the middle of an incident goes on where it was, and repeats nothing."""

import os
import signal
import time

import pytest
from running_stack import Running

from aegisops.demo.watch import wait_until
from responder.incident_record import ActionOutcome, PipelineState

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.mark.parametrize("state", [PipelineState.ANALYSING, PipelineState.EXECUTING, PipelineState.VERIFYING])
def test_killed_in_a_state_the_incident_still_ends_resolved(running: Running, state: PipelineState) -> None:
    demo, view = running.demo, running.demo.view
    demo.warm_up()
    injected_at = time.time()
    demo.chaos.inject("cpu_spike")
    try:
        wait_until(
            lambda: any(
                event.state is state for r in view.incidents_since(injected_at) for event in r.timeline
            ),
            30,
            lambda: f"no incident reached {state}",
            poll_s=0.02,
        )
        (responder,) = [p for p in running.stack.processes() if p.name == "responder"]
        os.kill(responder.pid, signal.SIGKILL)
        running.stack.wait_ready()
        (first, *_) = view.incidents_since(injected_at)
        wait_until(lambda: view.record(first.incident.id).state.final, 60, lambda: "the incident did not end")
    finally:
        demo.chaos.clear("cpu_spike")
    record = view.record(first.incident.id)
    assert record.state is PipelineState.RESOLVED
    assert [action.outcome for action in record.actions] == [ActionOutcome.SUCCEEDED]
