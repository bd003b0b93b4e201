"""Settings are validated at start, with errors that say what to change."""

import os
from pathlib import Path

import pytest

from buggy_app.settings import Settings, SettingsError, load_settings
from buggy_app.state_directory import StateDirectory, StateDirectoryError


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BUGGY_APP_")]:
        monkeypatch.delenv(name)


def test_defaults_are_those_of_the_local_stack() -> None:
    settings = load_settings(os.environ)

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.dependency_primary_port, settings.dependency_secondary_port) == (8011, 8012)


def test_a_bad_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUGGY_APP_PORT", "http")

    with pytest.raises(SettingsError, match=r"BUGGY_APP_PORT: Input should be a valid integer"):
        load_settings(os.environ)


def test_a_misspelt_variable_is_refused_with_the_name_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUGGY_APP_TRAFIC_RATE", "5")

    with pytest.raises(SettingsError, match=r"TRAFIC_RATE is not a setting; did you mean .*TRAFFIC_RATE"):
        load_settings(os.environ)


def test_equal_ports_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUGGY_APP_PORT", "8011")

    with pytest.raises(SettingsError, match="must all differ"):
        load_settings(os.environ)


def test_an_unusable_state_directory_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StateDirectoryError, match=r"set BUGGY_APP_STATE_DIR to a writable one"):
        StateDirectory(tmp_path / "file" / "state").prepare()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1
