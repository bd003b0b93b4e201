"""otel-config/kafka.yaml in the real Collector, with a real Kafka between and with none."""

import os
import signal
import socket
import uuid
from pathlib import Path

import pytest
from collector_process import CollectorProcess
from free_ports import free_ports
from otlp_receiver import OtlpReceiver
from otlp_sender import OtlpSender
from real_collector import total
from waiting import eventually

pytestmark = pytest.mark.e2e

VARIABLE = "AEGISOPS_TEST_KAFKA"


@pytest.fixture
def broker() -> str:
    """The address of a Kafka that `.ci/kafka.sh` starts."""
    address = os.environ.get(VARIABLE)
    if not address:
        reason = (
            f"needs Kafka: start it with `.ci/kafka.sh start DIRECTORY` and set {VARIABLE} to its address"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    eventually(lambda: _listens(address), f"Kafka listens on {address}")
    return address


def _listens(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


def test_what_is_sent_comes_through_kafka_to_the_detector(broker: str, tmp_path: Path) -> None:
    service = f"shop-{uuid.uuid4().hex}"
    with (
        OtlpReceiver() as detector,
        CollectorProcess(
            ["kafka.yaml"],
            tmp_path,
            AEGISOPS_COLLECTOR_KAFKA=broker,
            AEGISOPS_COLLECTOR_KAFKA_GROUP=service,
            AEGISOPS_COLLECTOR_DETECTOR=detector.address,
        ) as collector,
        OtlpSender(collector.address) as application,
    ):
        for value in range(50):
            application.point(service, "queue.length", float(value))
        application.log(service, "a line")
        application.span(service, trace_id=os.urandom(16), span_id=os.urandom(8))

        def points() -> list[float]:
            return [value for resource, _, value, _ in detector.points if resource["service.name"] == service]

        eventually(lambda: len(points()) >= 50, "all points arrive")
        assert points() == [float(value) for value in range(50)]
        eventually(lambda: service in {one[0]["service.name"] for one in detector.logs}, "the line arrives")
        eventually(lambda: service in {one[0]["service.name"] for one in detector.spans}, "the span arrives")


def test_without_a_broker_it_takes_what_comes_and_keeps_it_through_a_restart(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    with CollectorProcess(["kafka.yaml"], tmp_path, AEGISOPS_COLLECTOR_KAFKA=nowhere) as collector:
        with OtlpSender(collector.address) as application:
            application.point("shop", "queue.length", 1.0)

        def queued() -> float:
            return total(
                collector.own_metrics(), "otelcol_exporter_queue_size", exporter="kafka", data_type="metrics"
            )

        eventually(lambda: queued() > 0, "the point waits")
        collector.stop(signal.SIGKILL)
        collector.start()
        eventually(lambda: queued() > 0, "the point still waits")
        collector.stop(signal.SIGKILL)  # in good order it would first try for a while to be rid of the point
