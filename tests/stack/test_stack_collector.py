"""With the real Collector before the detector a fault is healed as without it, by what comes through it."""

from pathlib import Path

import pytest
from real_collector import collector_binary, scraped, total
from running_stack import Running, warm_stack

from aegisops.demo.watch import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

KINDS = {"metric_points": "datapoints", "spans": "spans", "log_records": "logs"}
"""What the Collector counts, and how its filter calls the same."""


def unaccounted(running: Running) -> dict[str, float]:
    """By kind: what came in, less what the detector has confirmed and what is not meant for it."""
    settings = running.stack.settings
    told = list(scraped(f"http://127.0.0.1:{settings.collector_metrics_port}/metrics"))
    return {
        kind: total(told, f"otelcol_receiver_accepted_{kind}_total")
        - total(told, f"otelcol_exporter_sent_{kind}_total", exporter="otlp_grpc/detector")
        - total(told, f"otelcol_processor_filter_{filtered}_filtered_total")
        for kind, filtered in KINDS.items()
    }


def test_a_fault_is_healed_from_what_came_through_the_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    with warm_stack(tmp_path / "s", collector_binary()) as running:
        settings = running.stack.settings
        (result,) = running.demo.run(["disk_space"])
        assert result.problem is None, result
        told = list(scraped(f"http://127.0.0.1:{settings.collector_metrics_port}/metrics"))
        for kind in KINDS:
            assert total(told, f"otelcol_exporter_sent_{kind}_total", exporter="otlp_grpc/detector") > 0
            assert (
                total(told, f"otelcol_exporter_send_failed_{kind}_total", exporter="otlp_grpc/detector") == 0
            )
            assert total(told, f"otelcol_receiver_refused_{kind}_total") == 0
        wait_until(
            lambda: not any(unaccounted(running).values()),
            20,
            lambda: f"the Collector did not hand on all it took: {unaccounted(running)}",
            poll_s=0.1,
        )
        jobs = {
            sample.labels["job"]
            for sample in scraped(f"http://127.0.0.1:{settings.collector_prometheus_port}/metrics")
            if "job" in sample.labels
        }
        assert jobs >= {"demo/buggy-app", "aegisops/aegisops-detector", "aegisops/aegisops-responder"}
        assert running.demo.view.health_of("aegisops-detector") is None
