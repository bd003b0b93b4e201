"""The real process tells people what waits for them, with a link that works, whatever the receiver does."""

import json
import re
from pathlib import Path

import httpx
import pytest
from pipeline_doubles import make_incident
from recording_server import RecordingServer, recording_server
from responder_process import Acted, FakeDetector, ResponderProcess
from waiting import eventually

KEY = "k3y-that-nobody-may-see"
APPROVE = re.compile(r"Approve or reject: (\S+)")


def process(tmp_path: Path, acted: Acted, detector: FakeDetector, url: str) -> ResponderProcess:
    channels = tmp_path / "channels.yaml"
    channels.write_text("version: 1\ntimeout_s: 0.5\nchannels:\n  - {name: team, url_from: TEAM_URL}\n")
    return ResponderProcess(
        tmp_path,
        AEGISOPS_RESPONDER_CATALOGUE=str(acted.catalogue),
        AEGISOPS_RESPONDER_POLICY=str(acted.policy),
        AEGISOPS_RESPONDER_DETECTOR_URL=detector.url,
        AEGISOPS_RESPONDER_SETTLE_S="0",
        AEGISOPS_RESPONDER_VERIFY_STABLE_S="0.2",
        AEGISOPS_RESPONDER_VERIFY_POLL_S="0.05",
        AEGISOPS_RESPONDER_APPROVAL_SECRET="a secret of sixteen and more",
        AEGISOPS_RESPONDER_NOTIFICATIONS=str(channels),
        AEGISOPS_RESPONDER_LOG_LEVEL="DEBUG",
        TEAM_URL=url,
    )


def json_url(receiver: RecordingServer) -> str:
    return receiver.url.replace("http://", "json://") + f"/{KEY}"


def told(receiver: RecordingServer) -> list[tuple[str, str]]:
    sent = [json.loads(request.body) for request in receiver.requests]
    return [(one["title"], one["message"]) for one in sent]


def notes(process: ResponderProcess, beginning: str) -> list[str]:
    messages = [event["message"] for event in process.record()["timeline"]]
    return [message for message in messages if message.startswith(beginning)]


def test_who_is_asked_follows_the_link_and_is_told_of_the_end(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    acted.write_policy("approve")
    with (
        recording_server() as receiver,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        process(tmp_path, acted, detector, json_url(receiver)) as responder,
    ):
        responder.report(make_incident())
        eventually(lambda: len(receiver.requests) == 1, f"the question\n{responder.log}")
        ((title, text),) = told(receiver)
        assert title == "Approve RESTART of shop?"
        assert "Memory of shop is at its limit." in text
        assert f"Incident: {responder.url}/incidents/INC-1" in text
        link = APPROVE.search(text)
        assert link is not None
        answer = {"answer": "approve", "who": "alice", "why": "seen before"}
        assert httpx.post(link[1], data=answer).status_code == 200
        assert responder.wait_for_end()["state"] == "RESOLVED", responder.log
        eventually(lambda: len(receiver.requests) == 2, f"the news of the end\n{responder.log}")
        assert told(receiver)[1][0] == "Resolved: shop"
        eventually(lambda: len(notes(responder, "team was told")) == 2, "the notes")
        assert link[1].rpartition("/")[2] not in responder.log.replace("\n", "")
        assert KEY not in responder.log


@pytest.mark.parametrize("fault", [{"status": 500}, {"silent": True}])
def test_a_receiver_that_fails_delays_nothing_and_is_told_later(
    tmp_path: Path, fault: dict[str, object]
) -> None:
    acted = Acted(tmp_path)
    with (
        recording_server(**fault) as receiver,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        process(tmp_path, acted, detector, json_url(receiver)) as responder,
    ):
        responder.report(make_incident())
        assert responder.wait_for_end()["state"] == "RESOLVED", responder.log
        eventually(lambda: notes(responder, "team could not be told yet") != [], "the note of the failure")
        receiver.status, receiver.silent = 200, False
        eventually(lambda: notes(responder, "team was told") != [], f"the delivery\n{responder.log}")
        assert acted.lines == ["RESTART"]
        assert KEY not in responder.log


def test_what_was_being_delivered_at_a_kill_is_delivered_after_it(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    acted.write_policy("approve")
    with (
        recording_server(silent=True) as receiver,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        process(tmp_path, acted, detector, json_url(receiver)) as responder,
    ):
        responder.report(make_incident())
        eventually(lambda: receiver.requests != [], f"the first try\n{responder.log}")
        responder.kill()
        receiver.silent = False
        receiver.released.set()
        tried = len(receiver.requests)
        responder.start()
        eventually(lambda: notes(responder, "team was told") != [], f"the delivery\n{responder.log}")
        assert [title for title, _ in told(receiver)] == ["Approve RESTART of shop?"] * (tried + 1)


def test_an_unusable_url_ends_the_start_and_is_not_shown(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        FakeDetector(lambda: True) as detector,
        process(tmp_path, acted, detector, f"slack://{KEY}") as responder,
    ):
        assert responder.stop() == 2
        assert "channel team: the URL in TEAM_URL cannot be used" in responder.log
        assert KEY not in responder.log
