"""Node.js programs that nobody here wrote: what breaks them is seen and named, with nothing set for them."""

from pathlib import Path

import httpx
import pytest
from free_ports import free_ports
from real_collector import scraped, total
from watched_services import Upstream, Users, Watch, answers, node_directory, running, watching

from aegisops.demo.watch import wait_until
from detector import Incident, IncidentState, IncidentType
from responder.incident_record import IncidentRecord, PipelineState

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

QUIET_ANSWERS = 500
"""Answers to users without any incident before something is broken."""


def learned(watch: Watch, users: Users, service: str) -> None:
    """Waits until the detector knows the service, and a while longer; nothing is raised meanwhile."""

    def warm() -> bool:
        health = watch.view.health_of(service)
        return health is not None and health.warm and users.answered >= QUIET_ANSWERS

    wait_until(warm, 120, lambda: f"{service} is not known well: {watch.view.health_of(service)}")
    assert watch.incidents() == []


def named(watch: Watch, service: str, kind: IncidentType) -> Incident:
    """Waits for an incident of the service that is called `kind`."""

    def found() -> list[Incident]:
        return [one for one in watch.view.open_incidents() if (one.service, one.type) == (service, kind)]

    wait_until(lambda: bool(found()), 120, lambda: f"only seen: {watch.view.open_incidents()}", poll_s=0.1)
    return found()[0]


def ended(watch: Watch, incident: Incident) -> IncidentRecord:
    """What the responder made of it, once it is done."""

    def record() -> IncidentRecord:
        return watch.view.record(incident.id)

    wait_until(lambda: record().state.final, 60, lambda: f"the responder is not done: {record().timeline}")
    return record()


def in_dashboards(watch: Watch, service: str) -> bool:
    """Whether Prometheus is shown the requests of the service, from its metrics and from its spans."""
    shown = list(scraped(f"http://127.0.0.1:{watch.settings.collector_prometheus_port}/metrics"))
    job = f"elsewhere/{service}"
    return (
        total(shown, "http_server_request_duration_seconds_count", job=job) > 0
        and total(shown, "traces_span_metrics_calls_total", service_name=service) > 0
    )


def test_a_slow_dependency_of_a_proxy_is_named_and_only_a_human_is_called(tmp_path: Path) -> None:
    node, (port,) = node_directory(), free_ports(1)
    address = f"http://127.0.0.1:{port}"
    (tmp_path / "empty").mkdir()
    with (
        watching(tmp_path) as watch,
        Upstream(b"{}") as upstream,
        running(
            *("node", "node_modules/http-server/bin/http-server", str(tmp_path / "empty")),
            *("-a", "127.0.0.1", "-p", str(port), "--proxy", upstream.url),
            cwd=node,
            environment=watch.environment("files"),
            log=tmp_path / "files.log",
        ),
        httpx.Client(trust_env=False) as http,
    ):
        wait_until(lambda: answers(http, address), 30, (tmp_path / "files.log").read_text)
        with Users(lambda http: http.get(f"{address}/anything")) as users:
            learned(watch, users, "files")
            upstream.delay_s = 0.6
            record = ended(watch, named(watch, "files", IncidentType.NETWORK_LATENCY))
            assert record.state is PipelineState.ESCALATED
            assert not record.actions
            assert record.diagnosis is not None
            assert record.diagnosis.incident_type is IncidentType.NETWORK_LATENCY
            assert in_dashboards(watch, "files")
            upstream.delay_s = 0.0
            wait_until(lambda: not watch.view.open_incidents(), 60, lambda: "the incident did not close")
        (only,) = watch.incidents()
        assert only.incident.namespace == "elsewhere"
        assert only.incident.state is IncidentState.CLOSED


def test_a_heap_that_fills_up_is_named(tmp_path: Path) -> None:
    node, (port,) = node_directory(), free_ports(1)
    notes = f"http://127.0.0.1:{port}/notes"
    with (
        watching(tmp_path) as watch,
        Upstream(b'{"notes": []}') as upstream,
        running(
            *("node", "node_modules/json-server/lib/cli/bin.js", upstream.url),
            *("--host", "127.0.0.1", "--port", str(port), "--quiet"),
            cwd=node,
            environment=watch.environment("notes", node_options="--max-old-space-size=128"),
            log=tmp_path / "notes.log",
        ),
        httpx.Client(trust_env=False) as http,
    ):
        wait_until(lambda: answers(http, notes), 30, (tmp_path / "notes.log").read_text)
        with Users(lambda http: http.get(f"{notes}?_limit=1")) as users:
            learned(watch, users, "notes")
            users.ask = lambda http: http.post(notes, json={"text": "x" * 150_000})  # it keeps all in memory
            incident = named(watch, "notes", IncidentType.MEMORY_OOM)
            assert in_dashboards(watch, "notes")
        record = ended(watch, incident)
        assert record.state is PipelineState.ESCALATED
        assert not record.actions
