"""The product's promise: each fault is seen, named, decided, healed and verified, in a real stack."""

import pytest
from running_stack import Running, back_to_one_replica

from buggy_app.chaos import FAULTS
from responder.incident_record import ActionKind

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen_named_healed_and_verified(running: Running, fault: str) -> None:
    (result,) = running.demo.run([fault])
    assert result.problem is None, result


def test_a_traffic_surge_is_answered_by_more_replicas(running: Running) -> None:
    try:
        (result,) = running.demo.run(["cpu_spike"], variant="surge")
    finally:
        back_to_one_replica(running.stack)
    assert result.problem is None, result
    assert [action.action for action in result.actions][-1] == ActionKind.SCALE_UP
