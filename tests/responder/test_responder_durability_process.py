"""The responder as a real process: killed at any state it goes on by itself and repeats nothing."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pipeline_doubles import TRACEPARENT, make_incident
from responder_process import Acted, FakeDetector, ResponderProcess
from waiting import eventually

from responder.store import Database, Store

pytestmark = pytest.mark.e2e

QUICK = {
    "AEGISOPS_RESPONDER_SETTLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_STABLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_TIMEOUT_S": "10",
    "AEGISOPS_RESPONDER_VERIFY_GIVE_UP_S": "2",
    "AEGISOPS_RESPONDER_VERIFY_POLL_S": "0.1",
}


def responder(directory: Path, acted: Acted, detector: FakeDetector, **variables: str) -> ResponderProcess:
    own = {
        "AEGISOPS_RESPONDER_CATALOGUE": str(acted.catalogue),
        "AEGISOPS_RESPONDER_POLICY": str(acted.policy),
        "AEGISOPS_RESPONDER_DETECTOR_URL": detector.url,
    }
    return ResponderProcess(directory, **(QUICK | own | variables))


@pytest.mark.parametrize("state", ["RECEIVED", "ANALYSING", "COUNCIL_REVIEW", "VERIFYING", "RESOLVED"])
def test_killed_in_any_state_it_ends_the_incident_with_one_action(tmp_path: Path, state: str) -> None:
    acted = Acted(tmp_path)
    with FakeDetector(lambda: bool(acted.lines)) as detector, responder(tmp_path, acted, detector) as process:
        process.report(make_incident(confidence=0.7))
        eventually(lambda: state in process.states(), state)
        process.kill()
        process.start()
        record = process.wait_for_end()
        assert record["state"] == "RESOLVED", process.log
        assert acted.lines == ["RESTART"]
        assert len(record["actions"]) == 1
        assert record["trace_id"] == TRACEPARENT.split("-")[1]


def test_killed_in_the_middle_of_an_action_it_does_not_repeat_it(tmp_path: Path) -> None:
    acted = Acted(tmp_path, action_s=1.0)
    with FakeDetector(lambda: bool(acted.lines)) as detector, responder(tmp_path, acted, detector) as process:
        process.report(make_incident())
        eventually(lambda: bool(acted.lines), "the action")
        process.kill()
        process.start()
        record = process.wait_for_end()
        assert record["state"] == "RESOLVED", process.log
        assert acted.lines == ["RESTART"]
        assert record["actions"][0]["outcome"] == "interrupted"


def test_stopped_in_the_middle_of_an_action_it_lets_it_end(tmp_path: Path) -> None:
    acted = Acted(tmp_path, action_s=1.0)
    with FakeDetector(lambda: bool(acted.lines)) as detector, responder(tmp_path, acted, detector) as process:
        process.report(make_incident())
        eventually(lambda: bool(acted.lines), "the action")
        assert process.stop() == 0, process.log
        process.start()
        record = process.wait_for_end()
        assert record["state"] == "RESOLVED", process.log
        assert acted.lines == ["RESTART"]
        assert record["actions"][0]["outcome"] == "succeeded"


def test_a_wrong_first_action_is_seen_failing_and_followed_by_a_right_one(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        FakeDetector(lambda: "RESTART" in acted.lines) as detector,
        responder(tmp_path, acted, detector, AEGISOPS_RESPONDER_FORCE_FIRST_ACTION="SCALE_UP") as process,
    ):
        process.report(make_incident())
        record = process.wait_for_end()
        assert record["state"] == "RESOLVED", process.log
        assert acted.lines == ["SCALE_UP", "RESTART"]
        assert [one["verification"] for one in record["actions"]] == ["not_recovered", "recovered"]
        assert "Drill" in record["decisions"][0]["proposal"]["reason"]


@pytest.mark.parametrize(("verb", "end"), [("approve", "RESOLVED"), ("reject", "ESCALATED")])
def test_what_waits_for_a_human_outlives_a_kill(tmp_path: Path, verb: str, end: str) -> None:
    acted = Acted(tmp_path)
    acted.write_policy("approve")
    with FakeDetector(lambda: bool(acted.lines)) as detector, responder(tmp_path, acted, detector) as process:
        process.report(make_incident())
        eventually(lambda: process.record()["state"] == "AWAITING_APPROVAL", "the request")
        process.kill()
        process.start()
        assert process.record()["state"] == "AWAITING_APPROVAL"
        body = {"who": "alice", "why": "seen before", "attempt": 1, "action": "RESTART"}
        assert httpx.post(f"{process.url}/incidents/INC-1/{verb}", json=body).status_code == 200
        process.kill()  # answered, and perhaps not taken up yet
        process.start()
        assert process.wait_for_end()["state"] == end, process.log
        assert acted.lines == (["RESTART"] if verb == "approve" else [])
        trail = httpx.get(f"{process.url}/audit").json()
        assert [one["actor"] for one in trail["items"]].count("alice") == 1


def test_a_request_that_ran_out_while_it_was_dead_ends_with_a_human_called(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    acted.write_policy("approve", ", approval_timeout_s: 0.1")
    with FakeDetector(lambda: bool(acted.lines)) as detector, responder(tmp_path, acted, detector) as process:
        process.report(make_incident())
        eventually(lambda: "AWAITING_APPROVAL" in process.states(), "the request")
        process.kill()
        process.start()
        assert process.wait_for_end()["state"] == "ESCALATED", process.log
        assert acted.lines == []


def test_without_a_policy_nothing_is_done(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector, AEGISOPS_RESPONDER_POLICY="") as process,
    ):
        process.report(make_incident())
        record = process.wait_for_end()
        assert record["state"] == "ESCALATED"
        assert "would have done RESTART of shop" in record["timeline"][-1]["message"]
        assert acted.lines == []


def test_an_incident_kept_without_its_workflow_is_taken_up_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'data' / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
    database.open()
    Store.over(database).incidents.receive(make_incident(), 1000.0)
    database.close()
    acted = Acted(tmp_path)
    with FakeDetector(lambda: bool(acted.lines)) as detector, responder(tmp_path, acted, detector) as process:
        assert process.wait_for_end()["state"] == "RESOLVED", process.log
        assert acted.lines == ["RESTART"]


def test_reports_repeated_at_once_are_worked_on_once(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with FakeDetector(lambda: bool(acted.lines)) as detector, responder(tmp_path, acted, detector) as process:
        with ThreadPoolExecutor(8) as pool:
            for report in [pool.submit(process.report, make_incident()) for _ in range(24)]:
                report.result()
        record = process.wait_for_end()
        assert record["state"] == "RESOLVED", process.log
        assert acted.lines == ["RESTART"]


def test_incidents_of_several_services_do_not_wait_for_each_other(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with FakeDetector(lambda: bool(acted.lines)) as detector, responder(tmp_path, acted, detector) as process:
        process.report(make_incident())
        for i in range(6):
            process.report(make_incident(f"OTHER-{i}", service=f"foreign-{i}"))
        for i in range(6):
            assert process.wait_for_end(f"OTHER-{i}")["state"] == "ESCALATED"
        assert process.wait_for_end()["state"] == "RESOLVED", process.log
