"""Where humans approve and reject: by a call, or by the page behind a signed link."""

import html
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from responder.access import Caller, Role
from responder.api.gate import Gate
from responder.api.incidents import IncidentId, unknown
from responder.api.parts import ApiParts
from responder.api.problem import responses
from responder.approval import Answer, Approval, Human, LinkError, LinkTarget, NotWaitingError
from responder.approval.links import MAX_TOKEN
from responder.incident_record import ActionKind

MAX_WHO = 100
MAX_WHY = 1_000
_MAX_FORM_FIELDS = 10
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: dict[str, dict[str, object]] = {"text/html": {}}
_ANSWERS = {"approve": Answer.APPROVED, "reject": Answer.REJECTED}

Token = Annotated[str, Path(min_length=1, max_length=MAX_TOKEN, description="the last part of a signed link")]


Who = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=MAX_WHO, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]


class HumanAnswer(BaseModel):
    """Who answers and why. A token says by itself whose it is; `who` is then only a note. `attempt` and
    `action`: what was seen; another request is then not answered."""

    who: Who | None = Field(None, examples=["alice"])
    why: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_WHY, pattern=r"^[^\x00]+$")
    ] = Field(examples=["seen this before, a restart is fine"])
    attempt: int | None = Field(None, ge=1, le=1_000)
    action: ActionKind | None = None


class _Signed(HumanAnswer):
    """The answer of a page, which says who by itself."""

    who: Who


class Answered(BaseModel):
    """The answer as it is kept."""

    incident_id: str
    attempt: int
    action: ActionKind
    target: str
    answer: Answer
    who: str


def approvals_router(parts: ApiParts, gate: Gate) -> APIRouter:
    """`POST /incidents/{id}/approve` and `POST /incidents/{id}/reject`."""
    refusals = (401, 403) if gate.closed else ()
    router = APIRouter(
        tags=["approval"], responses=responses(400, *refusals, 404, 409, 413, 422, 500, 503, 507)
    )
    operator = Depends(gate.needs(Role.OPERATOR))

    @router.post("/incidents/{incident_id}/approve", summary="Agree to the action that waits")
    def approve(
        incident_id: IncidentId, answer: HumanAnswer, caller: Annotated[Caller | None, operator]
    ) -> Answered:
        """Have the action done, if the policy still allows it."""
        return _answer(incident_id, Answer.APPROVED, _human(answer, caller), answer)

    @router.post("/incidents/{incident_id}/reject", summary="Forbid the action that waits")
    def reject(
        incident_id: IncidentId, answer: HumanAnswer, caller: Annotated[Caller | None, operator]
    ) -> Answered:
        """Leave the incident to humans."""
        return _answer(incident_id, Answer.REJECTED, _human(answer, caller), answer)

    def _answer(incident_id: str, answer: Answer, human: Human, seen: HumanAnswer) -> Answered:
        row = parts.store.incidents.get(incident_id)
        if row is None:
            raise unknown(incident_id)
        try:
            return _answered(
                parts.approvals.answer(
                    row.incident.id,
                    answer,
                    human,
                    at=parts.clock(),
                    attempt=seen.attempt,
                    action=seen.action,
                )
            )
        except NotWaitingError as error:
            raise HTTPException(HTTPStatus.CONFLICT, str(error)) from error

    return router


def _human(answer: HumanAnswer, caller: Caller | None) -> Human:
    """Who the token says it is; what is said of it besides is noted with the reason."""
    if caller is None:
        if answer.who is None:
            raise HTTPException(
                HTTPStatus.UNPROCESSABLE_ENTITY, "body.who: say who you are, as no tokens are set that would"
            )
        return Human(answer.who, answer.why, "api")
    noted = f" (signed {answer.who})" if answer.who not in (None, caller.name) else ""
    return Human(caller.name, answer.why + noted, "token")


def links_router(parts: ApiParts) -> APIRouter:
    """`GET` and `POST /approvals/{token}`: whoever has the link may answer; its signature is the proof."""
    router = APIRouter(tags=["approval"], responses=responses(413, 422, 500, 503, 507))
    pages: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": _PAGE} for status in (404, 409)
    }

    @router.get(
        "/approvals/{token}",
        response_class=HTMLResponse,
        responses=pages,
        summary="What a signed link asks",
    )
    def show(token: Token) -> HTMLResponse:
        """A page that asks for confirmation; looking at it changes nothing."""
        return _page(lambda: _form(*_waiting(_target(token))))

    @router.post(
        "/approvals/{token}",
        response_class=HTMLResponse,
        responses=pages,
        summary="The answer of the page behind a signed link",
        openapi_extra={"requestBody": _form_body()},
    )
    async def confirm(token: Token, request: Request) -> HTMLResponse:
        """Approve or reject, with who and why."""
        body = await request.body()
        return await run_in_threadpool(_page, lambda: _confirmed(token, body))

    def _target(token: str) -> LinkTarget:
        if parts.links is None:
            raise LinkError("this responder has no secret for links; use its API or command line")
        return parts.links.read(token)

    def _waiting(target: LinkTarget) -> tuple[Approval, str]:
        row = parts.store.incidents.get(target.incident_id)
        asked = parts.approvals.last(target.incident_id)
        if row is None or asked is None or (asked.attempt, asked.action) != (target.attempt, target.action):
            raise NotWaitingError("the incident does not wait for this action any more")
        if asked.answer is not None or row.state.final:
            became = asked.answer or row.state
            raise NotWaitingError(f"this was answered already: {became} {asked.who}".rstrip())
        return asked, row.incident.summary

    def _confirmed(token: str, body: bytes) -> str:
        target = _target(token)
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MAX_FORM_FIELDS)
        answer = _ANSWERS.get(fields.get("answer", [""])[0])
        if answer is None:
            raise NotWaitingError("choose approve or reject")
        try:
            human = _Signed(who=fields.get("who", [""])[0], why=fields.get("why", [""])[0])
        except ValidationError as error:
            field = error.errors()[0]["loc"][0]
            raise NotWaitingError(
                f"go back and fill in '{field}': it must not be empty or too long"
            ) from error
        asked = parts.approvals.answer(
            target.incident_id,
            answer,
            Human(human.who, human.why, "link"),
            at=parts.clock(),
            attempt=target.attempt,
            action=target.action,
        )
        return (
            f"<p>{_text(asked.action)} of {_text(asked.target)}: {_text(answer)} by {_text(asked.who)}.</p>"
        )

    return router


def _answered(asked: Approval) -> Answered:
    assert asked.answer is not None  # noqa: S101 - it was just answered
    return Answered(
        incident_id=asked.incident_id,
        attempt=asked.attempt,
        action=asked.action,
        target=asked.target,
        answer=asked.answer,
        who=asked.who,
    )


def _page(content: Callable[[], str]) -> HTMLResponse:
    """The page with `content`; what cannot be done is told on a page as well, as a person looks at it."""
    try:
        status, body = HTTPStatus.OK, content()
    except LinkError as error:
        status, body = HTTPStatus.NOT_FOUND, f"<p>{_text(str(error).capitalize())}.</p>"
    except NotWaitingError as error:
        status, body = HTTPStatus.CONFLICT, f"<p>{_text(str(error).capitalize())}.</p>"
    except ValueError:  # more fields than a form of ours has
        status, body = HTTPStatus.UNPROCESSABLE_ENTITY, "<p>This is not an answer of this page.</p>"
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>AegisOps</title>'
        '<meta name="viewport" content="width=device-width"></head><body>'
        f"<h1>AegisOps</h1>{body}</body></html>"
    )
    return HTMLResponse(page, status_code=status, headers=_HEADERS)


def _form(asked: Approval, summary: str) -> str:
    return (
        f"<h2>{_text(asked.action)} of {_text(asked.target)}?</h2>"
        f"<p>Incident {_text(asked.incident_id)}, attempt {asked.attempt}: {_text(summary)}</p>"
        f"<p>{_text(asked.explanation)}</p>"
        '<form method="post"><p><label>Who are you? '
        f'<input name="who" required maxlength="{MAX_WHO}"></label></p>'
        f'<p><label>Why? <input name="why" required maxlength="{MAX_WHY}"></label></p>'
        '<p><button name="answer" value="approve">Approve</button> '
        '<button name="answer" value="reject">Reject</button></p></form>'
    )


def _form_body() -> dict[str, object]:
    fields = {name: {"type": "string"} for name in ("answer", "who", "why")}
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


def _text(value: str) -> str:
    return html.escape(value, quote=True)
