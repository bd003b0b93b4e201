"""The executor for HTTP calls to a service's own administration interface."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

import httpx
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pydantic import Field, JsonValue, field_validator

from responder.incident_record import ActionOutcome
from responder.redaction import redact
from responder.remediate.declaration import Declared, ExecutorKind, Seconds, Text
from responder.remediate.executor import ActionResult, DryRun, PriorState, StepOutcome

_BODY_BYTES = 2048
_BODY_SHOWN = 300
_DETAIL_LIMIT = 600
_SECRET_LENGTH = 8  # shorter header values are words like "close"
_HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"  # RFC 9110, token
_HEADER_VALUE = r"^[\x20-\x7e]*$"


class HttpStep(Declared):
    """One request. The URL is the catalogue's alone; redirects are not followed and no proxy is used.

    `expected_status`: the statuses that mean success, any 2xx when empty. `idempotent`: that doing it
    twice does no more than once, so that it may be done again after a crash.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: Text
    headers: dict[
        Annotated[str, Field(pattern=_HEADER_NAME)],
        Annotated[str, Field(pattern=_HEADER_VALUE, max_length=8192)],
    ] = Field(default_factory=dict, max_length=50)
    json_body: JsonValue = Field(default=None, alias="json")
    timeout_s: Seconds = 10.0
    expected_status: tuple[Annotated[int, Field(ge=100, le=599)], ...] = Field(default=(), max_length=50)
    idempotent: bool = False

    @field_validator("url")
    @classmethod
    def _http_only(cls, url: str) -> str:
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, ValueError) as error:
            raise ValueError("not a URL; write http://host:port/path") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError("only http:// and https:// with a host are called; write http://host:port/path")
        if parsed.userinfo:
            raise ValueError("no user and password in the URL; write an Authorization header")
        return url


class HttpExecutor:
    """Implements `Executor` for `HttpStep`; the key goes out as the `Idempotency-Key` header."""

    def observe(self, step: HttpStep) -> PriorState:  # noqa: ARG002  # a call leaves nothing to look at
        """Nothing can be seen from here."""
        return {}

    def dry_run(self, step: HttpStep) -> DryRun:
        """Names the call; whether it would be answered well only the call itself can show."""
        return DryRun(True, redact(f"would call {step.method} {_shown(step)}", _DETAIL_LIMIT))

    def already_done(self, step: HttpStep, prior: PriorState) -> StepOutcome:  # noqa: ARG002  # see observe
        """`NOT_DONE`, so that it is done again, where that does no harm."""
        return StepOutcome.NOT_DONE if step.idempotent else StepOutcome.UNKNOWN

    def perform(self, step: HttpStep, key: str, prior: PriorState | None = None) -> ActionResult:  # noqa: ARG002  # see observe
        """Succeeds on an expected status; in doubt when the request went out and no whole answer came back.

        Runs an event loop of its own: only there can the time limit be for the whole of the call.
        """
        sent = _Sent()
        try:
            status, body = asyncio.run(_send(step, key, sent))
        except (TimeoutError, httpx.TimeoutException):
            outcome, said = sent.outcome, f"no answer within {step.timeout_s:g} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            outcome, said = sent.outcome, f"{type(error).__name__}: {error}"
        else:
            expected = status in step.expected_status if step.expected_status else 200 <= status < 300
            outcome = ActionOutcome.SUCCEEDED if expected else ActionOutcome.FAILED
            said = f"status {status}" + (f', "{redact(body, _BODY_SHOWN)}"' if body.strip() else "")
        for value in step.headers.values():
            if len(value) >= _SECRET_LENGTH:
                said = said.replace(value, "<header>")
        return ActionResult(outcome, redact(f"{step.method} {_shown(step)}: {said}", _DETAIL_LIMIT))


def _shown(step: HttpStep) -> httpx.URL:
    """The URL without what may hold a secret."""
    return httpx.URL(step.url).copy_with(query=None, fragment=None)


class _Sent:
    """Whether the request began to go out: from then on it may take effect, whatever comes back."""

    def __init__(self) -> None:
        self.outcome = ActionOutcome.FAILED

    async def trace(self, event: str, info: object) -> None:  # noqa: ARG002  # given by httpcore
        """Takes the events of httpcore's `trace` extension, such as `http11.send_request_headers.started`."""
        if event.endswith("send_request_headers.started"):
            self.outcome = ActionOutcome.INTERRUPTED


async def _send(step: HttpStep, key: str, sent: _Sent) -> tuple[int, str]:
    """Status and the first bytes of the body. Raises TimeoutError after the step's whole time."""
    carried: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carried)
    headers = {**carried, **step.headers, "Idempotency-Key": key}
    async with (
        asyncio.timeout(step.timeout_s),
        httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=step.timeout_s) as client,
        client.stream(
            step.method, step.url, headers=headers, json=step.json_body, extensions={"trace": sent.trace}
        ) as response,
    ):
        body = b""
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) >= _BODY_BYTES:
                break
        return response.status_code, body[:_BODY_BYTES].decode("utf-8", "replace")


def _build(connection: object, environ: Mapping[str, str]) -> HttpExecutor:  # noqa: ARG001  # it needs neither
    return HttpExecutor()


KIND = ExecutorKind("http", HttpStep, _build)
