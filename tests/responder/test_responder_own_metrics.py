"""What the responder counts and holds, what its calls of models cost, and whose trace all that belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alert_samples import notification, prometheus_alert
from api_doubles import EmptyRunbook, Started
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from pipeline_doubles import TRACEPARENT, make_incident
from recording_server import recording_server
from scripted_llm import ScriptedProvider

from detector import IncidentType
from responder.api import AlertMetrics, ApiParts, build_app
from responder.diagnose.llm import Budget, CircuitBreaker, GuardedProvider, Price, Prompt
from responder.diagnose.llm.model_metrics import ModelMetrics
from responder.diagnose.llm.provider import ProviderTimeout
from responder.held_metrics import StoreMetrics, observe_what_is_held
from responder.incident_record import PipelineState
from responder.learn import Runbook
from responder.remediate.http import HttpExecutor, HttpStep
from responder.store import Database, Outage, Store, StoreUnavailableError, Tallies
from responder.telemetry import link_to

PROMPT = Prompt("system", (), "answer", {}, 100)


@dataclass
class Told:
    """Metrics that are kept in memory."""

    reader: InMemoryMetricReader
    meters: MeterProvider

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def values(self, name: str) -> dict[tuple[Any, ...], float]:
        """What is not 0, by the values of its attributes, sorted by their names."""
        return {
            tuple(value for _, value in sorted(point.attributes.items())): point.value
            for point in self.points(name)
            if point.value
        }


@pytest.fixture
def told() -> Iterator[Told]:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    yield Told(reader, meters)
    meters.shutdown()


@pytest.fixture
def database(tmp_path: Path, told: Told) -> Iterator[Database]:
    measured = StoreMetrics(told.meters)
    database = Database(f"sqlite:///{tmp_path / 'responder.db'}", "A_SETTING", measured.waited)
    database.open()
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store.over(database)


def hold(told: Told, tallies: Tallies, store: Store) -> None:
    runbook = Runbook(store.runbook, lambda: 1000.0)
    observe_what_is_held(told.meters, tallies, runbook, ["team"], lambda: 3)


def test_incidents_in_the_store_are_told_by_state_type_and_service(told: Told, store: Store) -> None:
    for number in range(3):
        store.incidents.receive(make_incident(f"INC-{number}"), 1000.0)
    store.timeline.move("INC-0", PipelineState.RESOLVED, "done", key="end", at=1001.0)
    hold(told, Tallies(store.database), store)
    assert told.values("aegisops.responder.incidents.stored") == {
        ("memory_oom", "RECEIVED"): 2,
        ("memory_oom", "RESOLVED"): 1,
    }
    zeros = len(PipelineState) * len(IncidentType)
    assert len(told.points("aegisops.responder.incidents.stored")) == zeros
    assert told.values("aegisops.responder.service.incidents") == {
        ("shop", "RECEIVED"): 2,
        ("shop", "RESOLVED"): 1,
    }
    assert told.values("aegisops.responder.queue.depth") == {(): 3}
    assert len(told.points("aegisops.runbook.entries")) == len(IncidentType)
    assert told.points("aegisops.notifications.pending")[0].value == 0


def test_services_past_the_bound_are_told_together(told: Told, store: Store) -> None:
    for number in range(4):
        store.incidents.receive(make_incident(f"INC-{number}", service=f"s{number // 2}"), 1000.0)
    store.incidents.receive(make_incident("INC-9", service="rare"), 1000.0)
    tally = Tallies(store.database).service_incidents(2, "other")
    received = PipelineState.RECEIVED
    assert tally == {("s0", received): 2, ("s1", received): 2, ("other", received): 1}


def test_what_the_store_holds_is_left_out_while_it_is_away(told: Told, store: Store) -> None:
    class Away(Tallies):
        def incidents(self) -> Any:
            raise StoreUnavailableError("gone", Outage.AWAY)

    hold(told, Away(store.database), store)
    assert told.points("aegisops.responder.incidents.stored") == []
    assert told.values("aegisops.responder.queue.depth") == {(): 3}


def test_the_waits_of_writers_are_measured(told: Told, store: Store) -> None:
    store.incidents.receive(make_incident(), 1000.0)
    (point,) = told.points("aegisops.store.write.wait")
    assert point.count == 1


def test_the_size_of_the_store_is_that_of_its_files(told: Told, store: Store, tmp_path: Path) -> None:
    store.incidents.receive(make_incident(), 1000.0)
    hold(told, Tallies(store.database), store)
    (point,) = told.points("aegisops.store.size")
    assert point.value == sum((tmp_path / f"responder.db{end}").stat().st_size for end in ("", "-wal"))


def test_alerts_are_counted_by_what_became_of_them(told: Told, store: Store) -> None:
    metrics = AlertMetrics(told.meters)
    parts = ApiParts(store, Started(), EmptyRunbook(), lambda: 2000.0, RandomIdGenerator(), alerts=metrics)
    bad = prometheus_alert("f3") | {"startsAt": "yesterday"}
    with TestClient(build_app(parts)) as client:
        for alerts in ([prometheus_alert("f1")], [prometheus_alert("f1")], [prometheus_alert("f2"), bad]):
            client.post("/webhook/alertmanager", json=notification(*alerts))
        client.post(
            "/webhook", json={"incident_id": "x", "alert_type": "y", "logs": "", "status": "resolved"}
        )
    assert told.values("aegisops.alerts") == {
        ("created", "alertmanager"): 1,
        ("known", "alertmanager"): 1,
        ("updated", "alertmanager"): 1,
        ("refused", "alertmanager"): 1,
        ("ignored", "simple"): 1,
    }


class Asked:
    """A guarded provider whose calls are traced and measured."""

    def __init__(self, told: Told, provider: ScriptedProvider) -> None:
        self.spans = InMemorySpanExporter()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        seconds = iter(range(1000))
        self.guarded = GuardedProvider(
            provider,
            Budget(1_000_000, 1.0, Price(2.0, 4.0), lambda: 0.0),
            CircuitBreaker(2, 60.0, lambda: 0.0),
            tracers.get_tracer("test"),
            lambda: float(next(seconds)),
            ModelMetrics(told.meters.get_meter("test")),
            {"server.address": "models", "server.port": 443},
        )

    def ask(self) -> None:
        self.guarded.attempt(100.0, lambda calls: calls.complete(PROMPT))


def test_calls_of_models_are_measured_by_the_genai_conventions(told: Told) -> None:
    asked = Asked(told, ScriptedProvider(["yes"], "claude", "claude-9"))
    asked.ask()
    known = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-9",
        "gen_ai.response.model": "claude-9",
        "server.address": "models",
        "server.port": 443,
    }
    (duration,) = told.points("gen_ai.client.operation.duration")
    assert (duration.attributes, duration.sum) == (known, 1.0)
    assert duration.explicit_bounds[:2] == (0.01, 0.02)
    tokens = {
        point.attributes["gen_ai.token.type"]: point for point in told.points("gen_ai.client.token.usage")
    }
    assert {kind: point.sum for kind, point in tokens.items()} == {"input": 100, "output": 50}
    assert tokens["input"].attributes == {**known, "gen_ai.token.type": "input"}
    assert told.values("aegisops.llm.cost") == {("anthropic", "claude-9"): pytest.approx(0.0004)}
    (span,) = asked.spans.get_finished_spans()
    assert span.attributes is not None
    assert known.items() <= dict(span.attributes).items()
    assert {one.trace_id for one in duration.exemplars} == {span.context.trace_id}


def test_a_call_that_fails_is_measured_with_its_error(told: Told) -> None:
    Asked(told, ScriptedProvider([ProviderTimeout("late")])).ask()
    (duration,) = told.points("gen_ai.client.operation.duration")
    assert duration.attributes["error.type"] == "timeout"
    assert told.points("gen_ai.client.token.usage") == []


def test_a_provider_that_does_not_count_tells_of_no_tokens(told: Told) -> None:
    Asked(told, ScriptedProvider(["yes"], tokens=None)).ask()
    assert told.points("gen_ai.client.token.usage") == []


def test_a_call_is_linked_to_the_incident_it_joined_unless_it_is_of_its_trace() -> None:
    spans = InMemorySpanExporter()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    with tracers.get_tracer("test").start_as_current_span("POST /webhook") as span:
        link_to(TRACEPARENT)
        own = span.get_span_context()
        link_to(f"00-{own.trace_id:032x}-{own.span_id:016x}-01")
        link_to("")
    (call,) = spans.get_finished_spans()
    linked = [trace.format_trace_id(link.context.trace_id) for link in call.links]
    assert linked == [TRACEPARENT.split("-")[1]]


def test_a_remedy_by_http_carries_the_trace_of_its_span() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with recording_server() as server, tracer.start_as_current_span("execute") as span:
        HttpExecutor().perform(HttpStep.model_validate({"url": f"{server.url}/admin"}), "key-1")
    (request,) = server.requests
    trace_id, span_id = request.headers["traceparent"].split("-")[1:3]
    context = span.get_span_context()
    assert (int(trace_id, 16), int(span_id, 16)) == (context.trace_id, context.span_id)
