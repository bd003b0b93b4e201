import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx
import pytest
from detector_doubles import ToldEngine
from detector_incidents import an_incident
from fastapi import FastAPI
from pydantic import TypeAdapter

from detector.hosting import Exposition
from detector.incident import (
    Deploy,
    Incident,
    IncidentState,
    LogLine,
    LogSeverity,
    Neighbours,
    PeerKind,
    Recovery,
    ServiceHealth,
)
from detector.report.health_metrics import Stats
from detector.report.queries import Knowledge, OracleBusyError, query_interface

T = TypeVar("T")


class AtOnce:
    """Answers at once, from the engine it is given; or never, or not at all."""

    def __init__(self, engine: ToldEngine) -> None:
        self.engine = engine
        self.alive = True
        self.silent = False
        self.full = False

    def ask(self, question: Callable[[Knowledge, float], T]) -> "Future[T]":
        if self.full:
            raise OracleBusyError
        future: Future[T] = Future()
        if not self.silent:
            future.set_result(question(self.engine, 1012.0))
        return future


@pytest.fixture
def oracle() -> AtOnce:
    engine = ToldEngine()
    engine.known = {
        "INC-1": an_incident("INC-1"),
        "INC-2": an_incident("INC-2", opened_at=1005.0, state=IncidentState.CLOSED, confidence=float("nan")),
    }
    return AtOnce(engine)


@pytest.fixture
def app(oracle: AtOnce) -> FastAPI:
    return query_interface(oracle, lambda: Stats(*range(15)), lambda: True, 0.05, Exposition())


async def get(app: FastAPI, path: str) -> tuple[int, Any]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://detector") as client:
        answer = await client.get(path)
        return answer.status_code, json.loads(answer.content, parse_constant=pytest.fail)


async def test_incidents_come_newest_first(app: FastAPI) -> None:
    status, found = await get(app, "/incidents")
    assert status == 200
    assert [incident["id"] for incident in found] == ["INC-2", "INC-1"]
    assert (await get(app, "/incidents?limit=1"))[1] == found[:1]


async def test_incidents_can_be_asked_for_by_state(app: FastAPI) -> None:
    _, found = await get(app, "/incidents?state=open")
    assert [incident["id"] for incident in found] == ["INC-1"]
    assert (await get(app, "/incidents?state=half-open"))[0] == 422


async def test_what_is_answered_can_be_read_back_as_the_published_types(app: FastAPI) -> None:
    incident = TypeAdapter(Incident).validate_python((await get(app, "/incidents/INC-1"))[1], strict=False)
    assert incident == an_incident("INC-1")
    recovery = TypeAdapter(Recovery).validate_python((await get(app, "/incidents/INC-1/recovery"))[1])
    assert recovery.normal_for_s == 10.0
    (service,) = TypeAdapter(list[ServiceHealth]).validate_python((await get(app, "/services"))[1])
    assert service.service == "checkout"


@pytest.mark.parametrize("path", [f"/incidents/INC-3{part}" for part in ("", "/recovery", "/logs")])
async def test_an_unknown_incident_is_not_found(app: FastAPI, path: str) -> None:
    assert await get(app, path) == (404, {"detail": "there is no incident INC-3"})


@pytest.mark.parametrize("name", ["checkout", "a%2Fb"])
async def test_the_neighbours_and_deploys_of_a_service_are_answered(app: FastAPI, name: str) -> None:
    _, found = await get(app, f"/services/{name}/neighbours")
    neighbours = TypeAdapter(Neighbours).validate_python(found)
    assert [(one.name, one.kind) for one in neighbours.callees] == [("postgresql/orders", PeerKind.DATABASE)]
    _, found = await get(app, f"/services/{name}/deploys?namespace=prod")
    assert [deploy.after for deploy in TypeAdapter(list[Deploy]).validate_python(found)] == ["prod"]


@pytest.mark.parametrize("question", ["neighbours", "deploys"])
async def test_an_unknown_service_is_not_found(app: FastAPI, question: str) -> None:
    assert await get(app, f"/services/who/{question}") == (404, {"detail": "no service who was heard"})


async def test_the_logs_of_an_incident_are_searched(app: FastAPI) -> None:
    _, found = await get(app, "/incidents/INC-1/logs?pattern=(a%2B)%2B&severity=error&limit=7")
    (line,) = TypeAdapter(list[LogLine]).validate_python(found)
    assert (line.line, line.severity, line.count) == ("(a+)+", LogSeverity.ERROR, 7)


@pytest.mark.parametrize("question", ["limit=0", "limit=201", "severity=info", f"pattern={'x' * 201}"])
async def test_a_search_of_logs_is_bounded(app: FastAPI, question: str) -> None:
    assert (await get(app, f"/incidents/INC-1/logs?{question}"))[0] == 422


@pytest.mark.parametrize("attribute", ["silent", "full"])
async def test_who_cannot_answer_in_time_says_so(app: FastAPI, oracle: AtOnce, attribute: str) -> None:
    setattr(oracle, attribute, True)
    assert (await get(app, "/services"))[0] == 503


async def test_liveness_and_readiness_follow_the_judging_thread(app: FastAPI, oracle: AtOnce) -> None:
    assert (await get(app, "/health"))[0] == 200
    assert (await get(app, "/ready"))[0] == 200
    oracle.alive = False
    assert (await get(app, "/health"))[0] == 503
    assert (await get(app, "/ready"))[0] == 503


async def test_stats_are_the_counts(app: FastAPI) -> None:
    assert (await get(app, "/stats"))[1] == dict(zip(Stats.__dataclass_fields__, range(15), strict=True))


def test_every_call_is_described(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    assert set(paths) == {
        *("/incidents", "/incidents/{incident_id}", "/incidents/{incident_id}/recovery"),
        "/incidents/{incident_id}/logs",
        *("/services", "/services/{name}/neighbours", "/services/{name}/deploys"),
        *("/stats", "/health", "/ready", "/metrics"),
    }
    for path in (one for name, one in paths.items() if name != "/metrics"):
        answer = path["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert "$ref" in json.dumps(answer)
        assert path["get"]["description"]
