"""The API as one application."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from pydantic import BaseModel

from detector.hosting import metrics_router
from responder.access import Access, Caller, Role
from responder.alerts import DEFAULT_SERVICE_LABELS
from responder.api import problem
from responder.api.approvals import approvals_router, links_router
from responder.api.audit import audit_router
from responder.api.body_limit import BodyLimit
from responder.api.events import events_router
from responder.api.gate import Gate
from responder.api.incidents import incidents_router
from responder.api.intake import intake_router
from responder.api.learning import learning_router
from responder.api.parts import ApiParts
from responder.api.webhooks import webhooks_router
from responder.store import StoreUnavailableError

MAX_BODY_BYTES = 2 * 2**20


class Status(BaseModel):
    """`ok`."""

    status: str = "ok"


class Readiness(Status):
    """`ok`, and what works only in part, such as a policy file that cannot be used since it was changed."""

    warnings: list[str] = []


def build_app(
    parts: ApiParts,
    access: Access | None = None,
    service_labels: Sequence[str] = DEFAULT_SERVICE_LABELS,
) -> FastAPI:
    """The application over `parts`. `access`: who may call what; without it, whoever reaches it.
    `service_labels`: which label of an alert names the service it is about, the first one that is there."""
    gate = Gate(access or Access(), lambda: parts.clock())  # noqa: PLW0108 - describing the application needs no parts
    app = FastAPI(
        title="AegisOps responder",
        version="1",
        description="Incidents in; diagnosis, council, remedy, verification and what was learned out.",
        separate_input_output_schemas=False,
    )
    problem.install(app)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    guarded = _guard(gate.by_method(), gate)
    app.include_router(intake_router(parts), **_guard(gate.needs(Role.DETECTOR), gate))
    app.include_router(webhooks_router(parts, gate, service_labels))
    app.include_router(events_router(parts), **guarded)
    app.include_router(incidents_router(parts), **guarded)
    app.include_router(approvals_router(parts, gate))
    app.include_router(links_router(parts))
    app.include_router(audit_router(parts), **guarded)
    app.include_router(learning_router(parts, gate.by_method()), **guarded)
    app.include_router(_health_router(parts))
    app.include_router(metrics_router(lambda accept: parts.exposition.render(accept)), **guarded)  # noqa: PLW0108 - as above
    return app


def _guard(dependency: Callable[..., Caller | None], gate: Gate) -> dict[str, Any]:
    """What a router is included with, so that all its routes pass by `dependency`."""
    refusals = problem.responses(401, 403) if gate.closed else {}
    return {"dependencies": [Depends(dependency)], "responses": refusals}


def _health_router(parts: ApiParts) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="The process is alive")
    def health() -> Status:
        """Answers as long as the process can answer."""
        return Status()

    @router.get("/ready", responses=problem.responses(503), summary="Incidents are taken and worked on")
    def ready() -> Readiness:
        """The store can be written and workflows run."""
        try:
            parts.store.database.check_writable()
        except StoreUnavailableError as error:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        if not parts.workflows.launched:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "Workflows do not run (yet); try again soon")
        return Readiness(warnings=parts.warnings())

    return router
