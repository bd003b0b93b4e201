"""An incident's trace is found as one tree in a trace store behind the real Collector.

The store is Jaeger. By the same protocol and configuration (`otel-config/backends.yaml`) traces reach Tempo.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from free_ports import free_ports
from jaeger_server import Jaeger, StoredSpan
from jaeger_server import running as running_jaeger
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from otlp_sink import OtlpSink
from real_collector import collector_binary
from running_stack import Running

from aegisops.demo.watch import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

OTEL_CONFIG = Path(__file__).parents[2] / "otel-config"


@contextmanager
def collector_before(jaeger: Jaeger, directory: Path) -> Iterator[TraceServiceStub]:
    """A Collector that sends its traces to Jaeger; what is answered sends to it."""
    otlp, otlp_http, health, prometheus, metrics, detector = free_ports(6)
    environment = os.environ | {
        "AEGISOPS_COLLECTOR_OTLP_GRPC": f"127.0.0.1:{otlp}",
        "AEGISOPS_COLLECTOR_OTLP_HTTP": f"127.0.0.1:{otlp_http}",
        "AEGISOPS_COLLECTOR_HEALTH": f"127.0.0.1:{health}",
        "AEGISOPS_COLLECTOR_PROMETHEUS": f"127.0.0.1:{prometheus}",
        "AEGISOPS_COLLECTOR_METRICS_PORT": str(metrics),
        "AEGISOPS_COLLECTOR_DETECTOR": f"127.0.0.1:{detector}",
        "AEGISOPS_COLLECTOR_DATA": str(directory / "collector"),
        "AEGISOPS_COLLECTOR_TEMPO": jaeger.otlp,
        "AEGISOPS_COLLECTOR_LOKI": "http://127.0.0.1:9/otlp",
    }
    configurations = [f"--config={OTEL_CONFIG / name}" for name in ("agent.yaml", "backends.yaml")]
    with (directory / "collector.log").open("wb") as log:
        process = subprocess.Popen(
            [str(collector_binary()), *configurations],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        with grpc.insecure_channel(f"127.0.0.1:{otlp}") as channel:
            grpc.channel_ready_future(channel).result(30)
            yield TraceServiceStub(channel)
    finally:
        process.terminate()
        process.wait(20)


def stored(jaeger: Jaeger, trace_id: str, count: int) -> list[StoredSpan]:
    """All `count` spans of a trace, once Jaeger has them."""
    deadline = time.monotonic() + 20
    while len(found := jaeger.trace(trace_id)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(found) == count
    return found


def test_an_incident_is_one_tree_in_a_trace_store_behind_the_collector(
    running: Running, own_telemetry: OtlpSink, tmp_path: Path
) -> None:
    with running_jaeger(tmp_path) as jaeger, collector_before(jaeger, tmp_path) as collector:
        (result,) = running.demo.run(["disk_space"])
        wait_until(
            lambda: any(s.name == "learn" and s.trace_id == result.trace_id for s in own_telemetry.spans),
            15,
            lambda: "the last stage's span was not exported",
        )
        for request in own_telemetry.trace_requests:
            collector.Export(request)
        sent = {span.span_id: span for span in own_telemetry.spans if span.trace_id == result.trace_id}
        found = {span.span_id: span for span in stored(jaeger, str(result.trace_id), len(sent))}

    assert {key: span.parent_id for key, span in found.items()} == {
        key: span.parent_id for key, span in sent.items()
    }
    (root,) = (span for span in found.values() if not span.parent_id)
    assert (root.name, root.service) == ("detect", "aegisops-detector")
    assert {span.name for span in found.values() if span.parent_id == root.span_id} >= {
        "analyse", "council", "execute", "verify", "learn",
    }  # fmt: skip
    assert all(span.parent_id in found for span in found.values() if span.parent_id)
