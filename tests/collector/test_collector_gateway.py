"""otel-config/gateway.yaml in the real Collector: many services, two detectors."""

import os
import signal
from pathlib import Path

import pytest
from collector_process import CollectorProcess
from otlp_receiver import OtlpReceiver
from otlp_sender import OtlpSender
from waiting import eventually

pytestmark = pytest.mark.e2e

SERVICES = [f"service-{number}" for number in range(40)]


def _gateway(directory: Path, a: OtlpReceiver, b: OtlpReceiver) -> CollectorProcess:
    directory.mkdir()
    return CollectorProcess(
        ["gateway.yaml"],
        directory,
        AEGISOPS_COLLECTOR_DETECTOR_A=a.address,
        AEGISOPS_COLLECTOR_DETECTOR_B=b.address,
    )


def _send_all(gateway: CollectorProcess, value: float) -> None:
    with OtlpSender(gateway.address) as application:
        for service in SERVICES:
            application.point(service, "queue.length", value)
            application.log(service, f"line {value}")
            application.span(service, trace_id=os.urandom(16), span_id=os.urandom(8))


def _arrived(times: int, *detectors: OtlpReceiver) -> bool:
    kept = [len(kept) for one in detectors for kept in (one.points, one.logs, one.spans)]
    return sum(kept) >= times * 3 * len(SERVICES)


def test_all_of_a_service_meets_in_one_detector_whatever_gateway_it_came_by(tmp_path: Path) -> None:
    with (
        OtlpReceiver() as a,
        OtlpReceiver() as b,
        _gateway(tmp_path / "1", a, b) as first,
        _gateway(tmp_path / "2", a, b) as second,
    ):
        _send_all(first, 1.0)
        eventually(lambda: _arrived(1, a, b), "all arrives by the first gateway")
        at_a, at_b = a.services(), b.services()
        assert min(len(at_a), len(at_b)) > 0, "both have work"
        assert at_a | at_b == set(SERVICES)
        assert not at_a & at_b

        first.stop(signal.SIGTERM)
        first.start()
        _send_all(first, 2.0)
        _send_all(second, 3.0)
        eventually(lambda: _arrived(3, a, b), "all arrives by both")
        assert (a.services(), b.services()) == (at_a, at_b)


def test_a_detector_that_is_away_holds_up_no_other_and_gets_its_own_when_it_is_back(tmp_path: Path) -> None:
    with OtlpReceiver() as a, OtlpReceiver() as b, _gateway(tmp_path / "1", a, b) as gateway:
        _send_all(gateway, 1.0)
        eventually(lambda: _arrived(1, a, b), "all arrives")
        at_a, at_b = a.services(), b.services()
        b.stop()
        _send_all(gateway, 2.0)
        eventually(lambda: len(a.points) == len(a.logs) == len(a.spans) == 2 * len(at_a), "a has its part")
        b.start()
        eventually(lambda: len(b.points) == len(b.logs) == len(b.spans) == 2 * len(at_b), "b has its part")
        assert (a.services(), b.services()) == (at_a, at_b)
