"""The stack's settings are checked before anything starts."""

import pytest

from aegisops.errors import StackError
from aegisops.settings import inherited_environment, load_settings


def test_a_port_that_is_no_number_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_PORT", "eight thousand")
    with pytest.raises(StackError, match=r"AEGISOPS_RESPONDER_PORT='eight thousand' cannot be used"):
        load_settings()


def test_two_parts_on_one_port_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUGGY_APP_PORT", "9100")
    monkeypatch.setenv("AEGISOPS_RESPONDER_PORT", "9100")
    with pytest.raises(StackError, match="BUGGY_APP_PORT and AEGISOPS_RESPONDER_PORT are both 9100"):
        load_settings()


def test_the_identity_of_one_service_is_not_inherited_by_all() -> None:
    environment = inherited_environment(
        {"OTEL_SERVICE_NAME": "mine", "OTEL_RESOURCE_ATTRIBUTES": "a=b", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"}
    )
    assert environment == {"OTEL_EXPORTER_OTLP_ENDPOINT": "x"}
