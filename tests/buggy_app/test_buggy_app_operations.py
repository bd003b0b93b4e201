"""The remedies by HTTP."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from buggy_app.chaos import Chaos
from buggy_app.operations import REMEDIES, create_app
from buggy_app.settings import Settings
from buggy_app.state_directory import StateDirectory


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state", dependency_secondary_port=1)


@pytest.fixture
def client(settings: Settings) -> TestClient:
    state = StateDirectory(settings.state_dir)
    state.prepare()
    return TestClient(create_app(settings, state))


def test_cleanup_ends_debug_dumping(settings: Settings, client: TestClient) -> None:
    chaos = Chaos(settings)
    chaos.inject("disk_space")
    assert client.post("/cleanup").json()["done"].startswith("turned debug dumping off")
    assert not any(status.active for status in chaos.status())
    assert client.post("/cleanup").json() == {"done": "nothing to clean up"}


def test_a_remedy_that_cannot_be_carried_out_says_why(client: TestClient) -> None:
    answer = client.post("/failover")
    assert answer.status_code == 409
    assert "secondary endpoint 127.0.0.1:1 does not answer" in answer.json()["detail"]


def test_rollback_ends_a_deploy_gone_wrong(settings: Settings, client: TestClient) -> None:
    chaos = Chaos(settings)
    chaos.inject("pod_crash_loop")
    assert client.post("/rollback").json()["done"].startswith("rolled back to")
    assert not any(status.active for status in chaos.status())


def test_another_name_is_answered_with_those_there_are(client: TestClient) -> None:
    answer = client.post("/reboot")
    assert answer.status_code == 404
    assert all(name in answer.json()["detail"] for name in REMEDIES)
