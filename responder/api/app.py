"""The API as one application."""

from http import HTTPStatus

from fastapi import APIRouter, FastAPI, HTTPException
from pydantic import BaseModel

from responder.api import problem
from responder.api.approvals import approvals_router
from responder.api.audit import audit_router
from responder.api.body_limit import BodyLimit
from responder.api.events import events_router
from responder.api.incidents import incidents_router
from responder.api.intake import intake_router
from responder.api.learning import learning_router
from responder.api.parts import ApiParts
from responder.store import StoreUnusableError

MAX_BODY_BYTES = 2 * 2**20


class Status(BaseModel):
    """`ok`."""

    status: str = "ok"


class Readiness(Status):
    """`ok`, and what works only in part, such as a policy file that cannot be used since it was changed."""

    warnings: list[str] = []


def build_app(parts: ApiParts) -> FastAPI:
    """The application over `parts`."""
    app = FastAPI(
        title="AegisOps responder",
        version="1",
        description="Incidents in; diagnosis, council, remedy, verification and what was learned out.",
        separate_input_output_schemas=False,
    )
    problem.install(app)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    app.include_router(intake_router(parts))
    app.include_router(events_router(parts))
    app.include_router(incidents_router(parts))
    app.include_router(approvals_router(parts))
    app.include_router(audit_router(parts))
    app.include_router(learning_router(parts))
    app.include_router(_health_router(parts))
    return app


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
        except StoreUnusableError as error:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        if not parts.workflows.launched:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "Workflows do not run (yet); try again soon")
        return Readiness(warnings=parts.warnings())

    return router
