"""A real process that asks for tokens and signatures: reached by those who have them, also after kill -9."""

import json
import time
from pathlib import Path
from secrets import token_urlsafe

import httpx
import pytest
from access_samples import SECRET, signed
from pipeline_doubles import make_incident
from responder_process import ResponderProcess

from detector.report.reporter import Reporter, ReporterConfig
from responder.access import Role, new_token, token_line

pytestmark = pytest.mark.e2e

ALERT = {"incident_id": "a-1", "alert_type": "oom", "logs": "killed", "container_name": "shop"}


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    made = {role.value: new_token(token_urlsafe) for role in Role}
    lines = [token_line(f"{role}-1", Role(role), token) for role, token in made.items()]
    (tmp_path / "tokens").write_text("\n".join(lines))
    return made


def test_detector_alerts_and_people_get_in_and_a_replay_does_not_after_kill_9(
    tmp_path: Path, tokens: dict[str, str]
) -> None:
    variables = {
        "AEGISOPS_RESPONDER_TOKENS": str(tmp_path / "tokens"),
        "AEGISOPS_RESPONDER_WEBHOOK_SECRETS": json.dumps({"simple": [SECRET]}),
        "AEGISOPS_RESPONDER_SETTLE_S": "30",
    }
    body = json.dumps(ALERT).encode()
    call = signed(body, time.time())
    viewer = {"Authorization": f"Bearer {tokens['viewer']}"}
    with ResponderProcess(tmp_path, **variables) as process:
        url = process.url
        reporter = Reporter(
            ReporterConfig(f"{url}/detections", tokens["detector"]),
            time.monotonic,
            lambda: 0.5,
            lambda _: None,
        )
        reporter.start()
        reporter.offer(make_incident())
        assert reporter.close(10) == 0
        assert httpx.get(f"{url}/incidents").status_code == 401
        joined = httpx.post(f"{url}/webhook", content=body, headers=call)
        assert (joined.status_code, joined.json()["incident_id"]) == (202, "INC-1")

        process.kill()
        process.start()
        url = process.url
        assert httpx.post(f"{url}/webhook", content=body, headers=call).status_code == 409
        page = httpx.get(f"{url}/incidents", headers=viewer).json()
        assert page["total"] == 1
        for secret in (SECRET, *tokens.values()):
            assert secret not in process.log


def test_on_another_address_without_tokens_it_does_not_start(tmp_path: Path) -> None:
    with ResponderProcess(tmp_path, AEGISOPS_RESPONDER_HOST="0.0.0.0") as process:
        assert process.stop() == 2
        assert "AEGISOPS_RESPONDER_TOKENS" in process.log


def test_a_file_of_tokens_that_cannot_be_used_ends_the_start_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("alice admin sha256:00\n")
    with ResponderProcess(tmp_path, AEGISOPS_RESPONDER_TOKENS=str(tmp_path / "tokens")) as process:
        assert process.stop() == 2
        assert "tokens:1:" in process.log
