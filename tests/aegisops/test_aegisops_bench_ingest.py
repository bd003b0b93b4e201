"""The bench of ingestion: its requests are what they say, and a small run of it measures all it promises."""

import json

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from aegisops.bench.ingest import run
from aegisops.bench.ingest_load import POINTS_EACH, Load


def test_a_round_has_one_point_of_each_series() -> None:
    series = set()
    for body in Load(3 * POINTS_EACH).round(at_ns=7):
        (of_resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
        for metric in of_resource.scope_metrics[0].metrics:
            for point in metric.gauge.data_points:
                assert point.time_unix_nano == 7
                assert 0.2 < point.as_double < 0.6
                route = next(pair.value.string_value for pair in point.attributes if pair.key == "http.route")
                series.add((of_resource.resource.attributes[0].value.string_value, metric.name, route))
    assert len(series) == 3 * POINTS_EACH


@pytest.mark.e2e
def test_a_small_run_measures_the_detector_and_what_it_is_compared_with() -> None:
    result = json.loads(run(lambda _: None, series=(1_000, 2_000), seconds=0.2).as_json())
    assert {"points_per_second", "ratio_to_noop", "ratio_to_hst", "bytes_per_series", "export_p99_ms"} <= set(
        result
    )
    assert [row["series"] for row in result["by_series"]] == [1_000, 2_000]
    assert all(row["points_per_second"] > 0 for row in result["by_series"])
