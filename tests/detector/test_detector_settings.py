from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from detector.hosting import SettingsError
from detector.settings import DetectorSettings, load_settings, variable


def test_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert (settings.host, settings.otlp_port, settings.http_port) == ("127.0.0.1", 4317, 8002)
    assert settings.report_url is None


def test_every_setting_says_what_to_set_it_to() -> None:
    assert all(field.description for field in DetectorSettings.model_fields.values())


def test_an_unknown_variable_names_the_nearest_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_DETECTOR_REPORT_ULR", "http://127.0.0.1:1/detections")
    with pytest.raises(SettingsError, match="did you mean AEGISOPS_DETECTOR_REPORT_URL"):
        load_settings()


def test_each_fault_is_a_sentence_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_DETECTOR_OTLP_PORT", "seventy")
    monkeypatch.setenv("AEGISOPS_DETECTOR_REPORT_URL", "ftp://127.0.0.1/")
    monkeypatch.setenv("AEGISOPS_DETECTOR_NOPE", "1")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(caught.value.faults) == 3
    assert all("\n" not in fault and fault.endswith(".") for fault in caught.value.faults)
    assert "AEGISOPS_DETECTOR_OTLP_PORT" in str(caught.value)
    assert "0 to 65535" in str(caught.value)


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setenv("AEGISOPS_RESPONDER_PORT", "1")
    load_settings()


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_DETECTOR_REPORT_URL", "")
    assert load_settings().report_url is None


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("otlp_port", "8002", "AEGISOPS_DETECTOR_HTTP_PORT are both 8002: set one of them"),
        ("intake_max_bytes", "1048576", "set it to 1048576 or less, or raise AEGISOPS_DETECTOR_INTAKE_MAX"),
    ],
)
def test_settings_that_do_not_fit_together_are_named(
    monkeypatch: pytest.MonkeyPatch, field: str, value: str, advice: str
) -> None:
    monkeypatch.setenv(variable(field), value)
    with pytest.raises(SettingsError, match=advice):
        load_settings()


def test_ignored_services_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_DETECTOR_IGNORED_SERVICES", "loadgen, canary ,")
    assert load_settings().ignored_services == ("loadgen", "canary")


def test_a_secret_in_the_report_url_is_not_repeated_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_DETECTOR_REPORT_URL", "ftp://user:hunter2@127.0.0.1/")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    field=st.sampled_from(sorted(DetectorSettings.model_fields)),
    value=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=30),
)
def test_any_text_gives_settings_or_a_sentence(field: str, value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(variable(field), value)
        try:
            load_settings()
            complaint = ""
        except SettingsError as error:
            complaint = str(error)
    assert not complaint or variable(field) in complaint


def test_a_certificate_needs_its_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AEGISOPS_DETECTOR_OTLP_TLS_CERT_FILE", str(tmp_path / "tls.crt"))
    with pytest.raises(SettingsError, match="_OTLP_TLS_KEY_FILE belong together: set both, or neither"):
        load_settings()


def test_a_certificate_that_cannot_be_used_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AEGISOPS_DETECTOR_OTLP_TLS_CERT_FILE", str(tmp_path / "tls.crt"))
    monkeypatch.setenv("AEGISOPS_DETECTOR_OTLP_TLS_KEY_FILE", str(tmp_path / "tls.key"))
    with pytest.raises(SettingsError, match=r"tls\.crt cannot be read.*: set them to a certificate"):
        load_settings()


def test_tokens_that_cannot_be_used_say_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("hunter2")
    monkeypatch.setenv("AEGISOPS_DETECTOR_OTLP_TOKEN_FILE", str(tmp_path / "tokens"))
    with pytest.raises(SettingsError, match="OTLP_TOKEN_FILE cannot be used") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
