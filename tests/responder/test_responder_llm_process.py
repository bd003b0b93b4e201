"""The responder as a process asks the models its settings name, and goes on where they fail: as analysts and
in the council (where none of these replies is a vote)."""

from pathlib import Path

import decision_samples as samples
import pytest
from responder_process import Acted, FakeDetector, ResponderProcess
from scripted_llm import FAULT, Fault, Status, answer, scripted_server

pytestmark = pytest.mark.e2e

SCALE_UP = answer(proposals=[{**FAULT["proposals"][0], "action": "SCALE_UP"}])


@pytest.mark.parametrize(
    ("reply", "attempts", "acted"),
    [
        (SCALE_UP, [("ollama", "answered")], "SCALE_UP"),
        (Status(500), [("ollama", "unreachable"), ("offline", "answered")], "RESTART"),
        (Fault.SILENT, [("ollama", "timeout"), ("offline", "answered")], "RESTART"),
    ],
)
def test_an_incident_is_healed_whatever_the_model_does(
    tmp_path: Path, reply: str | Fault | Status, attempts: list[tuple[str, str]], acted: str
) -> None:
    done = Acted(tmp_path)
    with (
        scripted_server(reply) as server,
        FakeDetector(lambda: bool(done.lines)) as detector,
        ResponderProcess(
            tmp_path,
            AEGISOPS_RESPONDER_CATALOGUE=str(done.catalogue),
            AEGISOPS_RESPONDER_POLICY=str(done.policy),
            AEGISOPS_RESPONDER_DETECTOR_URL=detector.url,
            AEGISOPS_RESPONDER_VERIFY_STABLE_S="0.3",
            AEGISOPS_RESPONDER_SETTLE_S="0.1",
            AEGISOPS_RESPONDER_COUNCIL_MODEL_MEMBERS="all",
            DIAGNOSIS_PROVIDERS="ollama,offline",
            DIAGNOSIS_PROVIDER_DEADLINE_S="2",
            OLLAMA_BASE_URL=server.url,
        ) as process,
    ):
        process.report(samples.LEAK)
        record = process.wait_for_end()
        status = process.stop()
    assert record["state"] == "RESOLVED"
    found = [(one["provider"], one["outcome"]) for one in record["diagnosis"]["attempts"]]
    assert found == attempts
    votes = [vote for one in record["decisions"] for vote in one["votes"]]
    assert {vote["answered_by"] for vote in votes} == {"offline"}
    assert any("No model voted" in vote["explanation"] for vote in votes)
    assert done.lines == [acted]
    assert status == 0
