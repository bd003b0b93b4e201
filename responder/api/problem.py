"""Errors as problem details (RFC 9457): what is wrong and what to change, never a traceback."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from responder.store import Outage, StoreUnavailableError

_LOG = logging.getLogger(__name__)
_MAX_ERRORS = 20
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


class FieldError(BaseModel):
    """One field that cannot be used."""

    field: str = Field(examples=["body.revision"])
    message: str = Field(examples=["Input should be a valid integer"])


class Problem(BaseModel):
    """Why a call was refused and what to change."""

    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["body.revision: Input should be a valid integer"])
    errors: list[FieldError] = []


def problem(status: int, detail: str, errors: list[FieldError] | None = None) -> JSONResponse:
    """The response for a problem."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems an operation may answer with, for its OpenAPI description."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"model": Problem, "description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(StoreUnavailableError, _unavailable)
    app.add_exception_handler(Exception, _broken)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
    errors = [
        FieldError(field=".".join(str(part) for part in one["loc"]), message=one["msg"])
        for one in error.errors()[:_MAX_ERRORS]
    ]
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"Change what is sent: {detail}", errors)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:
        detail = f"{request.method} {request.url.path}: {detail}; what there is stands in /docs"
    response = problem(error.status_code, detail)
    response.headers.update(error.headers or {})
    return response


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StoreUnavailableError)  # noqa: S101 - registered for this type
    _LOG.warning("cannot answer %s calls: %s", request.method, error)
    full = error.outage is Outage.FULL
    status = HTTPStatus.INSUFFICIENT_STORAGE if full else HTTPStatus.SERVICE_UNAVAILABLE
    response = problem(status, f"Nothing of this call was kept. {error}; then send it again.")
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


async def _broken(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = f"The responder could not do this ({type(error).__name__}); its log says why. Try again."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
