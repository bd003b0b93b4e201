"""What a diagnosis asks when it looks closer, answered by the process from what real SDKs sent."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest
from detector_process import DetectorProcess
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from sample_service import SampleService

pytestmark = pytest.mark.e2e


@pytest.fixture
def at_the_end() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def detector(at_the_end: ExitStack) -> tuple[int, str]:
    """Its OTLP port and the base URL of its query interface."""
    process = DetectorProcess(AEGISOPS_DETECTOR_WARM_UP_SAMPLES="10", AEGISOPS_DETECTOR_KNOWN_FOR_S="1")
    at_the_end.callback(process.stop)
    return process.wait_ready()


def tracer(at_the_end: ExitStack, otlp_port: int, service: str, version: str) -> trace.Tracer:
    resource = Resource.create({"service.name": service, "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"http://127.0.0.1:{otlp_port}", insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
    at_the_end.callback(provider.shutdown)
    return provider.get_tracer(service)


def call(caller: trace.Tracer, callee: trace.Tracer) -> None:
    """One call from service to service, its context sent along in headers."""
    headers: dict[str, str] = {}
    address: dict[str, str | int] = {"server.address": "10.0.0.7", "server.port": 8080}
    with caller.start_as_current_span("GET", kind=SpanKind.CLIENT, attributes=address):
        propagate.inject(headers)
    arrived = propagate.extract(headers)
    with callee.start_as_current_span("GET /orders", kind=SpanKind.SERVER, context=arrived):
        pass


def wait_for(ask: Callable[[], Any], meanwhile: Callable[[], None] = lambda: None) -> Any:
    until = time.monotonic() + 60
    while not (answer := ask()):
        assert time.monotonic() < until, "what was waited for did not come"
        meanwhile()
        time.sleep(0.05)
    return answer


def get(url: str) -> Any:
    answer = httpx.get(url)
    return answer.json() if answer.status_code == 200 else None


def test_who_calls_whom_and_what_was_deployed_is_learned_from_real_spans(
    detector: tuple[int, str], at_the_end: ExitStack
) -> None:
    otlp_port, queries = detector
    shop, orders, newer = (
        tracer(at_the_end, otlp_port, service, version)
        for service, version in (("shop", "1.0"), ("orders", "1.0"), ("orders", "1.1"))
    )

    def callees() -> list[dict[str, Any]]:
        return (get(f"{queries}/services/shop/neighbours") or {"callees": []})["callees"]

    found = wait_for(lambda: [one for one in callees() if one["known"]], lambda: call(shop, orders))
    assert [(one["name"], one["kind"], one["failed"]) for one in found] == [("orders", "service", 0)]
    callers = get(f"{queries}/services/orders/neighbours")["callers"]
    assert [one["name"] for one in callers] == ["shop"]
    started = time.monotonic()
    wait_for(lambda: time.monotonic() - started > 1.5, lambda: call(shop, orders))
    (deploy,) = wait_for(lambda: get(f"{queries}/services/orders/deploys"), lambda: call(shop, newer))
    assert (deploy["attribute"], deploy["before"], deploy["after"]) == ("service.version", "1.0", "1.1")


def test_the_errors_of_an_incident_are_found_by_plain_text(
    detector: tuple[int, str], at_the_end: ExitStack
) -> None:
    otlp_port, queries = detector
    service = at_the_end.enter_context(closing(SampleService("basket", otlp_port)))
    wait_for(lambda: any(one["warm"] for one in get(f"{queries}/services")))
    service.failing = True
    (incident,) = wait_for(lambda: get(f"{queries}/incidents"))
    logs = f"{queries}/incidents/{incident['id']}/logs"
    (line,) = wait_for(lambda: [one for one in get(f"{logs}?pattern=BASKET") if one["count"] > 1])
    assert line["template"] == "basket of customer <num> could not be read"
    assert line["severity"] == "error"
    assert get(f"{logs}?pattern=basket.*") == []
