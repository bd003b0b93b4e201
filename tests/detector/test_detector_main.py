import socket
from collections.abc import Iterator

import httpx
import pytest
from detector_process import DetectorProcess

from detector.main import BAD_ADDRESS, BAD_SETTING, STOPPED


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield str(holder.getsockname()[1])


def test_a_fault_in_the_settings_is_told_in_a_line_without_traceback() -> None:
    detector = DetectorProcess(AEGISOPS_DETECTOR_OTLP_PORT="many", AEGISOPS_DETECTOR_HOTS="::1")
    assert detector.ended() == BAD_SETTING
    assert len(detector.lines) == 2
    assert "AEGISOPS_DETECTOR_OTLP_PORT" in detector.log
    assert "did you mean AEGISOPS_DETECTOR_HOST?" in detector.log


def test_an_exporter_the_sdk_does_not_know_is_told_without_traceback() -> None:
    detector = DetectorProcess(OTEL_TRACES_EXPORTER="pigeon")
    assert detector.ended() == BAD_SETTING
    assert "pigeon" in detector.log
    assert "Traceback" not in detector.log


@pytest.mark.parametrize(
    "setting",
    ["AEGISOPS_DETECTOR_OTLP_PORT", "AEGISOPS_DETECTOR_OTLP_HTTP_PORT", "AEGISOPS_DETECTOR_HTTP_PORT"],
)
def test_a_taken_port_is_told_with_the_setting_to_change(taken_port: str, setting: str) -> None:
    detector = DetectorProcess(**{setting: taken_port})
    assert detector.ended() == BAD_ADDRESS
    (complaint,) = [line for line in detector.lines if line.startswith("aegisops detector: ")]
    assert taken_port in complaint
    assert setting in complaint
    assert "Traceback" not in detector.log


def test_an_address_of_another_machine_is_told_with_the_setting_to_change() -> None:
    detector = DetectorProcess(AEGISOPS_DETECTOR_HOST="192.0.2.1")
    assert detector.ended() == BAD_ADDRESS
    assert "AEGISOPS_DETECTOR_HOST" in detector.log
    assert "Traceback" not in detector.log


def test_it_answers_and_ends_gracefully_even_where_its_own_telemetry_goes_nowhere(taken_port: str) -> None:
    detector = DetectorProcess(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{taken_port}", AEGISOPS_DETECTOR_STOP_GRACE_S="0.5"
    )
    try:
        _, queries = detector.wait_ready()
        assert httpx.get(f"{queries}/health").json() == {"status": "ok"}
        assert httpx.get(f"{queries}/ready").json() == {"status": "ready"}
        assert httpx.get(f"{queries}/incidents").json() == []
        assert httpx.get(f"{queries}/openapi.json").status_code == 200
    finally:
        code = detector.stop()
    assert code == STOPPED
    assert "Traceback" not in detector.log
