"""The crash benches, with as few kills as show that they kill and count."""

from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from typer.testing import CliRunner

from aegisops.bench.bench_database import BenchDatabaseError, require_empty
from aegisops.bench.crash import run
from aegisops.bench.crash_shared import run as run_shared
from aegisops.bench.crash_traces import Traces
from aegisops.bench.result import BenchResult
from aegisops.cli import app
from responder.incident_record import PipelineState
from responder.store import Database


def figures(result: BenchResult) -> dict[str, int | float]:
    return {figure.name: figure.value for figure in result.figures}


@pytest.mark.e2e
def test_a_kill_in_the_middle_of_an_action_loses_and_repeats_nothing() -> None:
    said: list[str] = []
    found = figures(run(said.append, rounds=1, states=[PipelineState.EXECUTING]))
    # Cut off before the command began, it is not repeated, and a human is called.
    assert found.pop("escalated") in (0, 1)
    assert found == {"kills": 1, "lost": 0, "repeated_actions": 0, "broken_traces": 0}
    assert said == ["1 of 1 kills"]


@pytest.mark.e2e
def test_a_kill_is_survived_on_postgresql(postgres_url: str) -> None:
    found = figures(run(lambda line: None, postgres_url, rounds=1, states=[PipelineState.VERIFYING]))
    assert found == {"kills": 1, "lost": 0, "escalated": 0, "repeated_actions": 0, "broken_traces": 0}


@pytest.mark.e2e
def test_of_three_responders_killed_at_random_none_works_on_what_another_one_does(postgres_url: str) -> None:
    found = figures(
        run_shared(
            lambda line: None, postgres_url, responders=3, incidents=20, kills=2, seed=1, mean_gap_s=1.0
        )
    )
    assert (found["incidents"], found["final"], found["lost"]) == (20, 20, 0)
    assert found["kills"] > 0
    assert found["actions"] + found["escalated"] >= 20
    assert (found["repeated_actions"], found["broken_traces"], found["broken_trails"]) == (0, 0, 0)


def test_several_responders_need_a_database_to_share() -> None:
    outcome = CliRunner().invoke(app, ["bench", "crash", "--responders", "3"])
    assert outcome.exit_code == 2
    assert "--database-url" in outcome.stderr


def test_a_database_that_is_somebodys_is_left_alone(postgres_url: str) -> None:
    require_empty(postgres_url)
    database = Database(postgres_url, "a test's database")
    database.open()
    database.close()
    with pytest.raises(BenchDatabaseError, match="holds tables"):
        require_empty(postgres_url)


def test_only_postgresql_is_taken_as_a_database_that_is_there(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'some.db'}", "nonsense"):
        with pytest.raises(BenchDatabaseError):
            require_empty(url)


def test_which_traces_spans_of_an_incident_came_in_is_kept() -> None:
    about = KeyValue(key="aegisops.incident.id", value=AnyValue(string_value="INC-1"))
    spans = [Span(trace_id=bytes([n] * 16), attributes=[about]) for n in (1, 2)]
    spans.append(Span(trace_id=bytes([3] * 16)))
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])])
    with Traces() as traces:
        url = traces.variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
        httpx.post(url, content=request.SerializeToString()).raise_for_status()
    assert traces.of("INC-1") == {"01" * 16, "02" * 16}
    assert traces.of("INC-2") == set()
