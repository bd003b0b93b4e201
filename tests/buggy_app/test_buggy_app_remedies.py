"""The remedies do one thing, say so in one line, and can be repeated."""

from collections.abc import Callable
from pathlib import Path

import pytest
from buggy_app_stack import free_port

from buggy_app import cleanup, failover, rollback
from buggy_app.active_endpoint import ActiveEndpoint, Endpoint
from buggy_app.chaos import Chaos
from buggy_app.settings import load_settings
from buggy_app.startup_configuration import ConfigurationStore
from buggy_app.state_directory import StateDirectory


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"BUGGY_APP_STATE_DIR": str(tmp_path / "state")}


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    def read() -> list[str]:
        captured = capsys.readouterr()
        return (captured.out + captured.err).splitlines()

    return read


def test_cleanup_turns_dumping_off(environment: dict[str, str], lines: Callable[[], list[str]]) -> None:
    Chaos.from_environment(environment).inject("disk_space")

    assert (cleanup.run(environment), cleanup.run(environment)) == (0, 0)
    assert lines() == ["turned debug dumping off, removed 0 dumps (0 bytes)", "nothing to clean up"]


def test_rollback_restores_the_last_known_good(
    environment: dict[str, str], lines: Callable[[], list[str]]
) -> None:
    Chaos.from_environment(environment).inject("pod_crash_loop")

    assert (rollback.run(environment), rollback.run(environment)) == (0, 0)
    assert lines() == ["rolled back to 1.0.0", "already on the last known good (1.0.0)"]


def test_rollback_without_anything_good_fails(
    environment: dict[str, str], lines: Callable[[], list[str]]
) -> None:
    state = StateDirectory(load_settings(environment).state_dir)
    state.prepare()
    ConfigurationStore(state).active.write_text("no configuration")

    assert rollback.run(environment) == 1
    assert [line.startswith("error: cannot roll back: there is no") for line in lines()] == [True]


def test_failover_stays_on_the_primary_when_the_secondary_does_not_answer(
    environment: dict[str, str], lines: Callable[[], list[str]]
) -> None:
    port, keeper = free_port()
    environment["BUGGY_APP_DEPENDENCY_SECONDARY_PORT"] = str(port)
    settings = load_settings(environment)

    with keeper:
        assert failover.run(environment) == 1

    assert "does not answer" in lines()[0]
    assert ActiveEndpoint(StateDirectory(settings.state_dir), settings).get() is Endpoint.PRIMARY


def test_failover_is_done_only_once(environment: dict[str, str], lines: Callable[[], list[str]]) -> None:
    settings = load_settings(environment)
    state = StateDirectory(settings.state_dir)
    state.prepare()
    ActiveEndpoint(state, settings).set(Endpoint.SECONDARY)

    assert failover.run(environment) == 0
    assert lines() == ["already on the secondary endpoint"]


def test_bad_settings_are_one_line_and_exit_code_1(
    environment: dict[str, str], lines: Callable[[], list[str]]
) -> None:
    environment["BUGGY_APP_PORT"] = "0"

    assert cleanup.run(environment) == 1
    assert lines() == ["error: BUGGY_APP_PORT: Input should be greater than or equal to 1"]
