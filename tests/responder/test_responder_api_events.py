"""Live events through a real server: from the beginning, live, resumed, and until the server ends."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_doubles import EmptyRunbook, Started
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from pipeline_doubles import make_incident

from detector.hosting import HttpAddressError, HttpServer
from responder.api import ApiParts, build_app
from responder.incident_record import PipelineState
from responder.store import Database, Store


class Live:
    def __init__(self, directory: Path) -> None:
        database = Database(f"sqlite:///{directory / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
        database.open()
        self.store = Store.over(database)
        self.parts = ApiParts(self.store, Started(), EmptyRunbook(), lambda: 2000.0, RandomIdGenerator())
        self.server = HttpServer("127.0.0.1", 0, "api")
        self.server.start(build_app(self.parts))
        self.url = f"http://127.0.0.1:{self.server.port}"

    def move(self, incident_id: str, state: PipelineState) -> None:
        self.store.timeline.move(incident_id, state, f"now {state}", key=state.value, at=2001.0)

    def stop(self) -> None:
        self.parts.closing.set()
        self.server.stop(2.0)
        self.store.database.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    live = Live(tmp_path)
    live.store.incidents.receive(make_incident("A"), 1000.0)
    live.store.incidents.receive(make_incident("B"), 1000.0)
    yield live
    live.stop()


def events(response: httpx.Response) -> Iterator[tuple[int, dict[str, Any]]]:
    """Ids and data of a stream's events."""
    id_ = 0
    for line in response.iter_lines():
        if line.startswith("id:"):
            id_ = int(line[3:])
        if line.startswith("data:"):
            yield id_, json.loads(line[5:])


def test_an_incidents_stream_begins_at_its_beginning_and_goes_on_live(live: Live) -> None:
    with httpx.stream("GET", f"{live.url}/incidents/A/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = events(response)
        first = next(stream)[1]
        assert (first["incident_id"], first["seq"], first["state"]) == ("A", 1, "RECEIVED")
        live.move("B", PipelineState.ANALYSING)
        live.move("A", PipelineState.ANALYSING)
        second = next(stream)[1]
        assert second == {
            "incident_id": "A",
            "seq": 2,
            "at": 2001.0,
            "state": "ANALYSING",
            "message": "now ANALYSING",
        }


def test_the_stream_of_all_resumes_after_the_last_event_seen(live: Live) -> None:
    live.move("B", PipelineState.ANALYSING)
    with httpx.stream("GET", f"{live.url}/events", headers={"Last-Event-ID": "1"}) as response:
        stream = events(response)
        seen = [next(stream), next(stream)]
    assert [(id_, data["incident_id"], data["seq"]) for id_, data in seen] == [(2, "B", 1), (3, "B", 2)]


def test_the_stream_of_all_begins_now_without_a_last_event(live: Live) -> None:
    with httpx.stream("GET", f"{live.url}/events") as response:
        live.move("A", PipelineState.ANALYSING)
        assert next(events(response))[1]["seq"] == 2


def test_a_last_event_that_is_no_number_is_a_problem(live: Live) -> None:
    response = httpx.get(f"{live.url}/events", headers={"Last-Event-ID": "x"})
    assert response.status_code == 422


def test_streams_end_with_the_server(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.store.incidents.receive(make_incident("A"), 1000.0)
    with httpx.stream("GET", f"{live.url}/incidents/A/events") as response:
        stream = events(response)
        next(stream)
        live.parts.closing.set()
        assert list(stream) == []
    live.stop()


def test_a_taken_port_is_named(live: Live) -> None:
    with pytest.raises(HttpAddressError, match=rf"127.0.0.1:{live.server.port} is taken"):
        HttpServer("127.0.0.1", live.server.port, "api")
