"""The responder while no name can be resolved: of the detector, of a model, of who is to be told."""

import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pipeline_doubles import make_incident
from process_surroundings import Surroundings
from recording_server import RecordingServer, recording_server
from responder_process import Acted, FakeDetector, ResponderProcess
from waiting import eventually

pytestmark = pytest.mark.e2e


def responder(
    tmp_path: Path,
    acted: Acted,
    detector: FakeDetector,
    receiver: RecordingServer,
    surroundings: Surroundings,
    **variables: str,
) -> ResponderProcess:
    channels = tmp_path / "channels.yaml"
    channels.write_text("version: 1\ntimeout_s: 2\nchannels:\n  - {name: team, url_from: TEAM_URL}\n")
    own = {
        "AEGISOPS_RESPONDER_CATALOGUE": str(acted.catalogue),
        "AEGISOPS_RESPONDER_POLICY": str(acted.policy),
        "AEGISOPS_RESPONDER_DETECTOR_URL": f"http://detector.test:{urlsplit(detector.url).port}",
        "AEGISOPS_RESPONDER_SETTLE_S": "0",
        "AEGISOPS_RESPONDER_VERIFY_STABLE_S": "0.3",
        "AEGISOPS_RESPONDER_VERIFY_TIMEOUT_S": "40",
        "AEGISOPS_RESPONDER_VERIFY_POLL_S": "0.1",
        "AEGISOPS_RESPONDER_NOTIFICATIONS": str(channels),
        "AEGISOPS_RESPONDER_STOP_GRACE_S": "4",
        "TEAM_URL": f"json://team.test:{urlsplit(receiver.url).port}/",
        "DIAGNOSIS_PROVIDERS": "ollama,offline",
        "DIAGNOSIS_PROVIDER_DEADLINE_S": "4",
        "OLLAMA_BASE_URL": "http://models.test:1",
    }
    return ResponderProcess(tmp_path, **(own | surroundings.variables | variables))


def messages(record: dict[str, Any]) -> str:
    return "\n".join(event["message"] for event in record["timeline"])


def test_it_diagnoses_and_acts_without_names_and_verifies_and_tells_once_they_are_back(
    tmp_path: Path,
) -> None:
    acted, surroundings = Acted(tmp_path), Surroundings(tmp_path)
    with (
        recording_server() as receiver,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector, receiver, surroundings) as process,
    ):
        process.report(make_incident())
        eventually(lambda: "verification of INC-1 waits" in process.log, f"the verification\n{process.log}")
        record = process.record()
        attempts = [(one["provider"], one["outcome"]) for one in record["diagnosis"]["attempts"]]
        assert attempts == [("ollama", "unreachable"), ("offline", "answered")]
        assert record["state"] == "VERIFYING"
        surroundings.bring_names_back()
        record = process.wait_for_end()
        assert record["state"] == "RESOLVED", process.log
        assert acted.lines == ["RESTART"]
        eventually(lambda: "team was told: Resolved" in messages(process.record()), "the news of the end")


def test_what_cannot_be_told_without_names_is_told_later(tmp_path: Path) -> None:
    acted, surroundings = Acted(tmp_path), Surroundings(tmp_path)
    acted.write_policy("approve")
    with (
        recording_server() as receiver,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector, receiver, surroundings) as process,
    ):
        process.report(make_incident())
        eventually(lambda: "team could not be told yet" in messages(process.record()), "the first try")
        assert receiver.requests == []
        surroundings.bring_names_back()
        eventually(lambda: "team was told: Approve" in messages(process.record()), "the delivery")
        assert len(receiver.requests) == 1


def test_without_names_and_in_the_middle_of_a_verification_it_stops_in_time(tmp_path: Path) -> None:
    acted, surroundings = Acted(tmp_path), Surroundings(tmp_path)
    with (
        recording_server() as receiver,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector, receiver, surroundings) as process,
    ):
        process.report(make_incident())
        eventually(lambda: "verification of INC-1 waits" in process.log, f"the verification\n{process.log}")
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(timeout=15) == 0, process.log
        surroundings.bring_names_back()
        process.start()
        assert process.wait_for_end()["state"] == "RESOLVED", process.log
        assert acted.lines == ["RESTART"]
