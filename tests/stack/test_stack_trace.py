"""An incident is one trace, from detection to learning, across both processes.

As it was exported, and as it is found again in a trace store behind the real Collector. The store is Jaeger;
traces reach Tempo by the same protocol and configuration (`otel-config/backends.yaml`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from collector_process import CollectorProcess
from jaeger_server import Jaeger, StoredSpan
from jaeger_server import running as running_jaeger
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from otlp_sink import OtlpSink, Span
from running_stack import Running

from aegisops.demo.watch import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

STAGES = ["analyse", "council", "execute", "learn", "verify"]


@pytest.fixture(scope="module")
def trace(running: Running, own_telemetry: OtlpSink) -> list[Span]:
    """All spans of an incident that was healed."""
    (result,) = running.demo.run(["disk_space"])

    def spans() -> list[Span]:
        return [span for span in own_telemetry.spans if span.trace_id == result.trace_id]

    wait_until(
        lambda: any(span.name == "learn" for span in spans()),
        15,
        lambda: "the last stage's span was not exported",
    )
    (detect,) = (span for span in spans() if span.name == "detect")
    assert detect.attributes["aegisops.incident.id"] == result.incident_id
    return spans()


def test_an_incident_is_one_trace_from_detection_to_learning(trace: list[Span]) -> None:
    (detect,) = (span for span in trace if span.name == "detect")
    assert detect.parent_id == ""
    assert detect.resource["service.name"] == "aegisops-detector"
    stages = sorted((span for span in trace if span.name in STAGES), key=lambda span: span.name)
    assert [span.name for span in stages] == STAGES
    assert {span.parent_id for span in stages} == {detect.span_id}
    assert {span.resource["service.name"] for span in stages} == {"aegisops-responder"}
    (council,) = (span for span in stages if span.name == "council")
    votes = [span for span in trace if span.name.startswith("vote ")]
    assert {vote.name for vote in votes} == {"vote auditor", "vote security_officer", "vote sre_lead"}
    assert len(votes) == 3
    assert {span.parent_id for span in votes} == {council.span_id}


def test_the_trace_is_one_tree_in_a_store_behind_the_collector(
    trace: list[Span], own_telemetry: OtlpSink, tmp_path: Path
) -> None:
    sent = {span.span_id: span.parent_id for span in trace}
    with running_jaeger(tmp_path) as jaeger, collector_before(jaeger, tmp_path) as collector:
        for request in own_telemetry.trace_requests:
            collector.Export(request)
        found = stored(jaeger, trace[0].trace_id, set(sent))

    assert {span_id: found[span_id].parent_id for span_id in sent} == sent
    (root,) = (span for span in found.values() if not span.parent_id)
    assert (root.name, root.service) == ("detect", "aegisops-detector")
    assert all(span.parent_id in found for span in found.values() if span is not root)


@contextmanager
def collector_before(jaeger: Jaeger, directory: Path) -> Iterator[TraceServiceStub]:
    """A Collector that sends its traces to Jaeger; what is answered sends to it."""
    backends = {"AEGISOPS_COLLECTOR_TEMPO": jaeger.otlp, "AEGISOPS_COLLECTOR_LOKI": "http://127.0.0.1:9/otlp"}
    with (
        CollectorProcess(["agent.yaml", "backends.yaml"], directory, **backends) as collector,
        grpc.insecure_channel(collector.address) as channel,
    ):
        yield TraceServiceStub(channel)


def stored(jaeger: Jaeger, trace_id: str, span_ids: set[str]) -> dict[str, StoredSpan]:
    """The spans of a trace by their ids, once Jaeger has all of these."""
    deadline = time.monotonic() + 20
    found: dict[str, StoredSpan] = {}
    while not span_ids <= set(found) and time.monotonic() < deadline:
        found = {span.span_id: span for span in jaeger.trace(trace_id)}
        time.sleep(0.1)
    assert span_ids <= set(found)
    return found
