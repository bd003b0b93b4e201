"""The responder while the clock of its machine is set an hour forward and back."""

import threading
from pathlib import Path

import httpx
import pytest
from database_faults import audit_fault
from pipeline_doubles import make_incident
from process_surroundings import Surroundings
from responder_process import Acted, FakeDetector, ResponderProcess
from waiting import eventually

from responder.access import Rates, parse_rate

HOUR_S = 3600.0
QUICK = {
    "AEGISOPS_RESPONDER_SETTLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_STABLE_S": "1",
    "AEGISOPS_RESPONDER_VERIFY_TIMEOUT_S": "30",
    "AEGISOPS_RESPONDER_VERIFY_GIVE_UP_S": "20",
    "AEGISOPS_RESPONDER_VERIFY_POLL_S": "0.1",
}


def responder(directory: Path, acted: Acted, detector: FakeDetector, clock: Surroundings) -> ResponderProcess:
    own = {
        "AEGISOPS_RESPONDER_CATALOGUE": str(acted.catalogue),
        "AEGISOPS_RESPONDER_POLICY": str(acted.policy),
        "AEGISOPS_RESPONDER_DETECTOR_URL": detector.url,
    }
    return ResponderProcess(directory, **(QUICK | own | clock.variables))


def assert_resolved_once(process: ResponderProcess, acted: Acted, directory: Path) -> None:
    record = process.wait_for_end()
    assert record["state"] == "RESOLVED", process.log
    assert acted.lines == ["RESTART"]
    assert [one["verification"] for one in record["actions"]] == ["recovered"]
    assert audit_fault(f"sqlite:///{directory / 'data' / 'responder.db'}") is None


@pytest.mark.e2e
@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S])
def test_set_during_a_verification_it_changes_nothing(tmp_path: Path, by_s: float) -> None:
    acted, clock, cured = Acted(tmp_path), Surroundings(tmp_path), threading.Event()
    with FakeDetector(cured.is_set) as detector, responder(tmp_path, acted, detector, clock) as process:
        process.report(make_incident())
        eventually(lambda: "VERIFYING" in process.states(), "the verification")
        asked = detector.asked
        clock.set_clock_by(by_s)
        eventually(lambda: detector.asked >= asked + 5, "further questions")
        assert process.record()["state"] == "VERIFYING"
        cured.set()
        assert_resolved_once(process, acted, tmp_path)


@pytest.mark.e2e
@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S])
def test_set_while_a_human_is_asked_it_takes_no_time_from_them(tmp_path: Path, by_s: float) -> None:
    acted, clock = Acted(tmp_path), Surroundings(tmp_path)
    acted.write_policy("approve", ", approval_timeout_s: 1800")
    with (
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector, clock) as process,
    ):
        process.report(make_incident())
        eventually(lambda: process.record()["state"] == "AWAITING_APPROVAL", "the request")
        clock.set_clock_by(by_s)
        # Another incident goes all the way meanwhile, so the request was looked at again.
        process.report(make_incident("INC-2", service="another"))
        assert process.wait_for_end("INC-2")["state"] == "ESCALATED"
        assert process.record()["state"] == "AWAITING_APPROVAL"
        body = {"who": "alice", "why": "seen before", "attempt": 1, "action": "RESTART"}
        assert httpx.post(f"{process.url}/incidents/INC-1/approve", json=body).status_code == 200
        assert_resolved_once(process, acted, tmp_path)


def test_a_source_at_its_limit_does_not_wait_for_a_clock_that_was_set_back() -> None:
    now, set_by = 1000.0, 0.0
    rates = Rates(parse_rate("1/minute"), clock=lambda: now + set_by, monotonic=lambda: now)
    assert rates.wait_s("grafana") is None
    wait_s = rates.wait_s("grafana")
    assert wait_s is not None
    set_by = -HOUR_S
    assert rates.wait_s("grafana") is None
    assert rates.wait_s("grafana") is not None
