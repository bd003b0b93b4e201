"""One trace an incident: every stage a child of the detector's span, each vote a child of the council's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from pipeline_doubles import TRACEPARENT, Bench

from responder.deliberate import Council
from responder.incident_record import Case, Diagnosis, MemberRole, ProposedAction, Vote, VoteReason
from responder.telemetry import (
    PipelineMetrics,
    Stages,
    new_traceparent,
)


class Yes:
    def __init__(self, role: MemberRole) -> None:
        self.role = role

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        return Vote(self.role, True, 0.9, VoteReason.SAFE, "why not")


class Observed:
    """A pipeline whose spans and metrics are kept in memory."""

    def __init__(self, directory: Path) -> None:
        self.bench = bench = Bench(directory)
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracers, self.meters = tracers, MeterProvider([self.reader])
        self.stages = Stages(tracers, self.meters)
        council = Council([self.stages.traced(Yes(role)) for role in MemberRole], 5.0)
        bench.pipeline = bench.build(council, self.stages, PipelineMetrics(self.meters))

    def close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()
        self.bench.store.database.close()

    def counts(self, name: str) -> dict[tuple[tuple[str, object], ...], float]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            tuple(sorted(point.attributes.items())): getattr(point, "value", getattr(point, "count", 0))
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }


@pytest.fixture
def observed(tmp_path: Path) -> Iterator[Observed]:
    observed = Observed(tmp_path)
    yield observed
    observed.close()


def tree(spans: tuple[ReadableSpan, ...]) -> list[tuple[str, str]]:
    """Name and parent's name of each span, the detector's own as `detect`."""
    names = {span.context.span_id: span.name for span in spans}
    detect = int(TRACEPARENT.split("-")[2], 16)
    names[detect] = "detect"
    return sorted((span.name, names[span.parent.span_id] if span.parent else "") for span in spans)


def test_the_trace_of_an_incident_is_one_tree(observed: Observed) -> None:
    observed.bench.receive()
    observed.bench.run()
    spans = observed.spans.get_finished_spans()
    assert {span.context.trace_id for span in spans} == {int(TRACEPARENT.split("-")[1], 16)}
    assert tree(spans) == [
        ("analyse", "detect"),
        ("council", "detect"),
        ("execute", "detect"),
        ("learn", "detect"),
        ("policy", "detect"),
        ("policy", "detect"),
        ("verify", "detect"),
        ("vote auditor", "council"),
        ("vote security_officer", "council"),
        ("vote sre_lead", "council"),
    ]


def test_stages_say_what_they_were_about(observed: Observed) -> None:
    observed.bench.receive()
    observed.bench.run()
    spans = {span.name: dict(span.attributes or {}) for span in observed.spans.get_finished_spans()}
    for stage in ("analyse", "council", "execute", "verify", "learn"):
        assert spans[stage]["aegisops.incident.id"] == "INC-1"
        assert spans[stage]["aegisops.incident.series"] == ("process.memory.usage:value",)
    assert spans["council"]["aegisops.council.verdict"] == "approved"
    assert spans["execute"]["aegisops.action"] == "RESTART"
    assert spans["execute"]["aegisops.action.outcome"] == "succeeded"
    assert spans["verify"]["aegisops.verification.outcome"] == "recovered"
    assert spans["vote auditor"]["aegisops.vote.approve"] is True


def test_states_actions_and_votes_are_counted(observed: Observed) -> None:
    observed.bench.receive()
    observed.bench.run()
    ended = (("aegisops.incident.type", "memory_oom"), ("aegisops.state", "RESOLVED"))
    incidents = observed.counts("aegisops.responder.incidents")
    assert {key for key, count in incidents.items() if count} == {ended}
    action = (
        ("aegisops.action", "RESTART"),
        ("aegisops.action.outcome", "succeeded"),
        ("aegisops.action.risky", False),
    )
    assert observed.counts("aegisops.responder.actions") == {action: 1}
    assert sum(observed.counts("aegisops.responder.votes").values()) == 3
    timed = observed.counts("aegisops.council.vote.duration")
    assert timed == {(("aegisops.vote.member", role.value),): 1 for role in MemberRole}
    states = {dict(key)["aegisops.state"] for key in observed.counts("aegisops.responder.state.duration")}
    assert states == {"RECEIVED", "ANALYSING", "COUNCIL_REVIEW", "APPROVED", "EXECUTING", "VERIFYING"}


def test_a_trace_context_of_a_caller_is_kept_and_a_broken_one_replaced() -> None:
    ids = RandomIdGenerator()
    assert new_traceparent(ids, TRACEPARENT) == TRACEPARENT
    for broken in (None, "", "nonsense", TRACEPARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32)):
        made = new_traceparent(ids, broken)
        assert new_traceparent(ids, made) == made
