"""Settings: defaults, and errors that name the variable and say what to change."""

import pytest

from detector.hosting import SettingsError
from responder.incident_record import ActionKind
from responder.settings import ResponderSettings, load_settings, variable


def test_the_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8001)
    assert settings.store_url.startswith("sqlite:////")
    assert settings.store_setting == "AEGISOPS_RESPONDER_DATA_DIR"
    assert settings.force_first_action is None


def test_an_unknown_setting_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_DATADIR", "x")
    with pytest.raises(SettingsError, match=r"AEGISOPS_RESPONDER_DATADIR.*mean AEGISOPS_RESPONDER_DATA_DIR"):
        load_settings()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", "70000"),
        ("port", "x"),
        ("settle_s", "-1"),
        ("settle_s", "nan"),
        ("max_attempts", "0"),
        ("detector_url", "ftp://x"),
        ("database_url", "mysql://x/y"),
        ("database_url", "sqlite://"),
        ("database_url", "nonsense"),
        ("force_first_action", "REBOOT"),
        ("force_first_action", "NOOP"),
        ("log_level", "LOUD"),
    ],
)
def test_a_value_that_cannot_be_used_names_the_variable_and_what_to_set(
    monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    monkeypatch.setenv(variable(field), value)
    with pytest.raises(SettingsError, match=rf"{variable(field)} cannot be used .*: set it to "):
        load_settings()


def test_times_that_exclude_each_other_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_VERIFY_STABLE_S", "60")
    with pytest.raises(SettingsError, match=r"VERIFY_STABLE_S.*VERIFY_TIMEOUT_S"):
        load_settings()


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_PORT", "x")
    monkeypatch.setenv("AEGISOPS_RESPONDER_PROT", "1")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(caught.value.faults) == 2


def test_a_database_url_takes_the_place_of_the_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_DATABASE_URL", "postgresql+psycopg://u:p@h/d")
    monkeypatch.setenv("AEGISOPS_RESPONDER_FORCE_FIRST_ACTION", "RESTART")
    settings = load_settings()
    assert settings.store_url == "postgresql+psycopg://u:p@h/d"
    assert settings.store_setting == "AEGISOPS_RESPONDER_DATABASE_URL"
    assert settings.force_first_action is ActionKind.RESTART


def test_every_setting_says_what_to_set() -> None:
    assert [name for name, field in ResponderSettings.model_fields.items() if not field.description] == []
