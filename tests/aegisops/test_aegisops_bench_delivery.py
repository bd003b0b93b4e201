"""The benches of delivery and of pressure, with fewer points, kills and seconds."""

import time
from pathlib import Path

import numpy as np
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from real_collector import collector_binary

from aegisops.bench.delivery import run, wait_for
from aegisops.bench.delivery_points import POINTS_EACH, Counted, Points, count, recorded_so_far
from aegisops.bench.delivery_processes import CollectorProcess, RecordingDetector
from aegisops.bench.delivery_sender import Senders
from aegisops.bench.pressure import run as run_pressure
from aegisops.collector import CHECKOUT, Collector

FIRST = 2**40


@pytest.fixture
def collector() -> Collector:
    return Collector(collector_binary(), CHECKOUT / "otel-config" / "agent.yaml")


def points_of(body: bytes) -> list[tuple[str, str, int, int]]:
    """Metric, attribute, time and number of each."""
    (of_resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    return [
        (metric.name, point.attributes[0].value.string_value, point.time_unix_nano, point.as_int)
        for metric in of_resource.scope_metrics[0].metrics
        for point in metric.gauge.data_points
    ]


def record(directory: Path, name: str, *numbers: int) -> None:
    (directory / name).write_bytes(np.array(numbers, np.int64).tobytes())


def test_every_point_has_a_number_of_its_own_and_is_later_than_the_one_before_on_its_series() -> None:
    requests = list(Points("shop", 500, 2_750).requests())
    assert [number for number, _ in requests] == [1_000, 1_000, 250]
    first, second, last = (points_of(body) for _, body in requests)
    assert len({(metric, part) for metric, part, _, _ in first}) == POINTS_EACH
    assert [(metric, part) for metric, part, _, _ in second] == [
        (metric, part) for metric, part, _, _ in first
    ]
    assert first[0][2] < second[0][2] < last[0][2]
    assert [number - FIRST for each in (first, second, last) for *_, number in each] == list(
        range(500, 2_750)
    )


def test_lost_duplicated_and_late_points_are_told_apart(tmp_path: Path) -> None:
    record(tmp_path, "delivered-1", FIRST, FIRST + 1, FIRST + 2)
    record(tmp_path, "judged-1", FIRST, FIRST + 1)
    record(tmp_path, "delivered-2", FIRST + 1, FIRST + 3, 17)
    record(tmp_path, "judged-2", FIRST + 1, FIRST + 3, 17)
    assert count(tmp_path, 5) == Counted(delivered=4, lost=1, duplicated=1, late=1)
    assert recorded_so_far(tmp_path) == 6


def test_a_number_that_a_kill_cut_off_does_not_count(tmp_path: Path) -> None:
    record(tmp_path, "delivered-1", FIRST, FIRST + 1)
    with (tmp_path / "delivered-1").open("ab") as cut_off:
        cut_off.write(b"\x02\x00\x00")
    assert count(tmp_path, 3) == Counted(delivered=2, lost=1, duplicated=0, late=2)


@pytest.mark.e2e
def test_kills_of_detector_and_collector_lose_nothing(collector: Collector) -> None:
    said: list[str] = []
    result = run(said.append, points=20_000, kills=1, collector_kills=1, collector=collector)
    figures = {figure.name: figure.value for figure in result.figures}
    assert (figures["sent"], figures["lost"]) == (20_000, 0)
    assert (figures["kills"], figures["collector_kills"]) == (1, 1)
    assert len(said) == 3


@pytest.mark.e2e
def test_a_collector_whose_queue_is_full_refuses_and_drops_nothing(
    collector: Collector, tmp_path: Path
) -> None:
    points = 20_000
    with (
        RecordingDetector(tmp_path) as detector,
        CollectorProcess(collector, tmp_path, detector.otlp, queue_bytes=300_000) as full,
    ):
        full.start()
        senders = Senders(full.otlp, 0, points, rate=1e6)
        with senders.sending():
            while not senders.refused:
                time.sleep(0.02)
            detector.start()
        counted = wait_for(tmp_path, points)
    assert set(senders.refused) == {"UNAVAILABLE"}
    assert (senders.sent, counted.delivered, counted.lost) == (points, points, 0)


@pytest.mark.e2e
def test_a_slow_detector_refuses_for_a_while_and_gets_all_once_it_is_fast(collector: Collector) -> None:
    result = run_pressure(lambda line: None, rate=4_000.0, calm_s=3.0, slow_s=10.0, collector=collector)
    figures = {figure.name: figure.value for figure in result.figures}
    assert (figures["sent"], figures["lost"], figures["duplicated"]) == (78_000, 0, 0)
    assert figures["refused"] > 0
    assert figures["queued_peak_mib"] > 0
    assert {row[0] for row in result.tables[0].rows} == {"calm", "slow", "fast again"}
