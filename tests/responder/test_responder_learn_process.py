"""A real process learns each incident once, whenever it is killed, and what it was told outlives it."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pipeline_doubles import make_incident
from responder_process import Acted, FakeDetector, ResponderProcess
from waiting import eventually

pytestmark = pytest.mark.e2e


def entries(process: ResponderProcess) -> list[dict[str, Any]]:
    return httpx.get(f"{process.url}/runbook").json()["items"]  # type: ignore[no-any-return]  # JSON


def test_killed_as_it_ends_an_incident_it_learns_every_attempt_once_and_keeps_a_humans_word(
    tmp_path: Path,
) -> None:
    acted = Acted(tmp_path)
    variables = {
        "AEGISOPS_RESPONDER_CATALOGUE": str(acted.catalogue),
        "AEGISOPS_RESPONDER_POLICY": str(acted.policy),
        "AEGISOPS_RESPONDER_FORCE_FIRST_ACTION": "SCALE_UP",
        "AEGISOPS_RESPONDER_SETTLE_S": "0.6",
        "AEGISOPS_RESPONDER_VERIFY_STABLE_S": "0.6",
        "AEGISOPS_RESPONDER_VERIFY_GIVE_UP_S": "2",
        "AEGISOPS_RESPONDER_VERIFY_POLL_S": "0.1",
    }
    with (
        FakeDetector(lambda: "RESTART" in acted.lines) as detector,
        ResponderProcess(tmp_path, **variables, AEGISOPS_RESPONDER_DETECTOR_URL=detector.url) as process,
    ):
        process.report(make_incident())
        eventually(lambda: "RESOLVED" in process.states(), "the end")
        process.kill()  # perhaps before it was learned, perhaps after
        process.start()
        eventually(lambda: bool(entries(process)), "the lesson")
        told = {"verdict": "wrong", "who": "alice", "why": "it came back"}
        feedback = f"{process.url}/incidents/INC-1/feedback"
        (entry,) = entries(process)
        assert entry["learned_from_incident_ids"] == ["INC-1"]
        assert [(one["action"], one["helped"], one["seen"]) for one in entry["actions"]] == [
            ("RESTART", 1, 1),
            ("SCALE_UP", 0, 1),
        ]
        assert httpx.post(feedback, json=told).status_code == 200
        process.kill()
        process.start()
        (entry,) = entries(process)
        assert [(one["helped"], one["seen"]) for one in entry["actions"]] == [(0, 1), (0, 1)]
        assert (entry["resolved"], entry["unresolved"]) == (0, 1)
