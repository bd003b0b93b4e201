"""The query interface: what the detector knows, asked by HTTP and answered as JSON."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import FastAPI, HTTPException, Path, Query, Response
from pydantic import TypeAdapter

from detector.hosting import Exposition, metrics_router
from detector.incident import (
    Deploy,
    Incident,
    IncidentState,
    LogLine,
    LogSeverity,
    Neighbours,
    Recovery,
    ServiceHealth,
)
from detector.report.health_metrics import Stats

T = TypeVar("T")

API_VERSION = "1"


class Knowledge(Protocol):
    """What can be asked of the one who owns the judgement (the engine)."""

    def incidents(self, state: IncidentState | None = None) -> list[Incident]:
        """All incidents kept, or those in `state`."""

    def incident(self, incident_id: str) -> Incident | None:
        """One incident; None where there is none of that id."""

    def recovery(self, incident_id: str, now: float) -> Recovery | None:
        """Is that incident over? None where there is none of that id."""

    def services(self, now: float) -> list[ServiceHealth]:
        """Every service seen."""

    def neighbours(self, name: str, namespace: str | None, now: float) -> Neighbours | None:
        """Who calls a service, and whom it calls; None where none of that name was heard."""

    def deploys(self, name: str, namespace: str | None) -> list[Deploy] | None:
        """The latest releases of a service; None where none of that name was heard."""

    def logs(self, incident_id: str, pattern: str, least: LogSeverity, limit: int) -> list[LogLine] | None:
        """The service's log lines around an incident; None where there is none of that id."""


class OracleBusyError(Exception):
    """Too many questions wait to be answered, or nobody is there to answer them."""


class Oracle(Protocol):
    """Answers questions on the thread that owns the knowledge."""

    @property
    def alive(self) -> bool:
        """Whether that thread runs."""

    def ask(self, question: Callable[[Knowledge, float], T]) -> "Future[T]":
        """The answer to `question(knowledge, now)`, in a while. Raises OracleBusyError rather than wait."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a call could not be answered."""

    detail: str


@dataclass(frozen=True, slots=True)
class Status:
    """A bare yes; a no comes as an error status with a `Problem`."""

    status: str


_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no incident of that id."},
    503: {"model": Problem, "description": "The detector is too busy to answer in time; try again."},
}
_UNKNOWN_SERVICE: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No service of that name was heard."},
    503: _ERRORS[503],
}
_BUSY: dict[int | str, dict[str, Any]] = {503: _ERRORS[503]}

IncidentId = Annotated[
    str, Path(max_length=64, description="Id of an incident", examples=["INC-1HQ3Z8K4M7QX"])
]
ServiceName = Annotated[str, Path(max_length=128, description="A `service.name`", examples=["checkout"])]
Namespace = Annotated[
    str | None,
    Query(max_length=128, description="Its `service.namespace`; without it the one of the name heard last"),
]


def query_interface(
    oracle: Oracle,
    stats: Callable[[], Stats],
    receiving: Callable[[], bool],
    timeout_s: float,
    exposition: Exposition,
) -> FastAPI:
    """The HTTP application. `receiving()`: the OTLP port is bound; `timeout_s`: patience with the oracle."""
    app = FastAPI(
        title="AegisOps detector",
        version=API_VERSION,
        summary="Incidents seen in telemetry, and whether they are over.",
    )

    async def answer(question: Callable[[Knowledge, float], T]) -> T:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(oracle.ask(question)), timeout_s)
        except (TimeoutError, OracleBusyError) as error:
            raise HTTPException(503, "the detector is too busy to answer in time, try again") from error

    async def about(incident_id: str, question: Callable[[Knowledge, float], T | None]) -> T:
        found = await answer(question)
        if found is None:
            raise HTTPException(404, f"there is no incident {incident_id}")
        return found

    async def about_service(name: str, question: Callable[[Knowledge, float], T | None]) -> T:
        found = await answer(question)
        if found is None:
            raise HTTPException(404, f"no service {name} was heard")
        return found

    @app.get("/incidents", response_model=list[Incident], responses=_BUSY, tags=["incidents"])
    async def incidents(
        state: Annotated[IncidentState | None, Query(description="Only those in this state")] = None,
        limit: Annotated[int, Query(ge=1, le=10_000, description="At most so many")] = 1000,
    ) -> Response:
        """Incidents, newest first."""
        found = await answer(lambda knowledge, _: knowledge.incidents(state))
        return _json(_INCIDENTS, sorted(found, key=lambda incident: -incident.opened_at)[:limit])

    @app.get("/incidents/{incident_id}", response_model=Incident, responses=_ERRORS, tags=["incidents"])
    async def incident(incident_id: IncidentId) -> Response:
        """One incident with its evidence."""
        found = await about(incident_id, lambda knowledge, _: knowledge.incident(incident_id))
        return _json(_INCIDENT, found)

    @app.get(
        "/incidents/{incident_id}/recovery", response_model=Recovery, responses=_ERRORS, tags=["incidents"]
    )
    async def recovery(incident_id: IncidentId) -> Response:
        """Is the incident over? Read from the telemetry as it is now."""
        found = await about(incident_id, lambda knowledge, now: knowledge.recovery(incident_id, now))
        return _json(_RECOVERY, found)

    @app.get(
        "/incidents/{incident_id}/logs", response_model=list[LogLine], responses=_ERRORS, tags=["incidents"]
    )
    async def logs(
        incident_id: IncidentId,
        pattern: Annotated[
            str, Query(max_length=200, description="Text that lines hold, as it is, in whatever case")
        ] = "",
        severity: Annotated[LogSeverity, Query(description="This one or above")] = LogSeverity.WARN,
        limit: Annotated[int, Query(ge=1, le=200, description="At most so many")] = 50,
    ) -> Response:
        """The log lines of its service from a minute before it began, by template, newest first."""
        found = await about(
            incident_id, lambda knowledge, _: knowledge.logs(incident_id, pattern, severity, limit)
        )
        return _json(_LOGS, found)

    @app.get("/services", response_model=list[ServiceHealth], responses=_BUSY, tags=["services"])
    async def services() -> Response:
        """Every service seen in the telemetry, with its golden signals."""
        return _json(_SERVICES, await answer(lambda knowledge, now: knowledge.services(now)))

    @app.get(
        "/services/{name:path}/neighbours",
        response_model=Neighbours,
        responses=_UNKNOWN_SERVICE,
        tags=["services"],
    )
    async def neighbours(name: ServiceName, namespace: Namespace = None) -> Response:
        """Who called the service in the last minute, whom it called, and whether those are in an incident."""
        found = await about_service(name, lambda knowledge, now: knowledge.neighbours(name, namespace, now))
        return _json(_NEIGHBOURS, found)

    @app.get(
        "/services/{name:path}/deploys",
        response_model=list[Deploy],
        responses=_UNKNOWN_SERVICE,
        tags=["services"],
    )
    async def deploys(name: ServiceName, namespace: Namespace = None) -> Response:
        """The latest releases of the service, newest first: what changed, and when it was first heard."""
        found = await about_service(name, lambda knowledge, _: knowledge.deploys(name, namespace))
        return _json(_DEPLOYS, found)

    @app.get("/stats", tags=["detector"])
    async def counts() -> Stats:
        """What the detector has done since it started, and what it holds now."""
        return stats()

    @app.get("/health", responses={503: {"model": Problem}}, tags=["detector"])
    async def health() -> Status:
        """Liveness: the thread that judges runs."""
        if not oracle.alive:
            raise HTTPException(503, "the thread that judges telemetry has ended, restart the detector")
        return Status("ok")

    @app.get("/ready", responses={503: {"model": Problem}}, tags=["detector"])
    async def ready() -> Status:
        """Readiness: the OTLP port is bound and telemetry is judged."""
        if not (oracle.alive and receiving()):
            raise HTTPException(503, "telemetry is not received now")
        return Status("ready")

    app.include_router(metrics_router(exposition.render))
    return app


_INCIDENT = TypeAdapter(Incident)
_INCIDENTS = TypeAdapter(list[Incident])
_RECOVERY = TypeAdapter(Recovery)
_SERVICES = TypeAdapter(list[ServiceHealth])
_NEIGHBOURS = TypeAdapter(Neighbours)
_DEPLOYS = TypeAdapter(list[Deploy])
_LOGS = TypeAdapter(list[LogLine])


def _json(adapter: TypeAdapter[T], value: T) -> Response:
    return Response(adapter.dump_json(value), media_type="application/json")
