"""Settings are validated at start, with errors that say what to change."""

from pathlib import Path

import pytest

from buggy_app.settings import Settings, SettingsError, load_settings
from buggy_app.state_directory import StateDirectory, StateDirectoryError


def test_defaults_are_those_of_the_local_stack() -> None:
    settings = load_settings({"HOME": "/"})

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.dependency_primary_port, settings.dependency_secondary_port) == (8011, 8012)


def test_a_bad_value_is_named_with_its_variable() -> None:
    with pytest.raises(SettingsError, match=r"BUGGY_APP_PORT: Input should be a valid integer"):
        load_settings({"BUGGY_APP_PORT": "http"})


def test_a_misspelt_variable_is_refused_with_the_name_meant() -> None:
    with pytest.raises(SettingsError, match=r"TRAFIC_RATE is not a setting; did you mean .*TRAFFIC_RATE"):
        load_settings({"BUGGY_APP_TRAFIC_RATE": "5"})


def test_equal_ports_are_refused() -> None:
    with pytest.raises(SettingsError, match="must all differ"):
        load_settings({"BUGGY_APP_PORT": "8011"})


def test_an_unusable_state_directory_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StateDirectoryError, match=r"set BUGGY_APP_STATE_DIR to a writable one"):
        StateDirectory(tmp_path / "file" / "state").prepare()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1
