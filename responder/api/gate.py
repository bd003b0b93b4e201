"""Who may pass: FastAPI dependencies that hold a call to its token or signature.

Where no tokens are set there is nothing to hold a call to, and the API's description names no scheme.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import HTTPException, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from responder.access import Access, Caller, Role, SignatureError, Tokens, signed_call
from responder.store import WebhookCall

_LOG = logging.getLogger(__name__)
_READING = ("GET", "HEAD")
_READERS = (Role.VIEWER, Role.OPERATOR)

_BEARER = HTTPBearer(
    scheme_name="token",
    description="A token of the file AEGISOPS_RESPONDER_TOKENS; its role says what it is good for.",
    auto_error=False,
)
_SIGNATURE = APIKeyHeader(
    name="webhook-signature",
    scheme_name="signature",
    description="HMAC-SHA256 of webhook-id, webhook-timestamp and body, as in Standard Webhooks; Grafana and "
    "PagerDuty sign in headers of their own.",
    auto_error=False,
)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
Signature = Annotated[str | None, Security(_SIGNATURE)]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a webhook: `caller` by its token, `call` by its signature, neither where none is asked for."""

    caller: Caller | None = None
    call: WebhookCall | None = None


class Gate:
    """Makes the dependencies. `clock` gives seconds since the epoch, asked at each call."""

    def __init__(self, access: Access, clock: Callable[[], float]) -> None:
        self._access = access
        self._clock = clock

    @property
    def closed(self) -> bool:
        """Calls must carry a token."""
        return self._access.tokens is not None

    def needs(self, *roles: Role) -> Callable[..., Caller | None]:
        """Passes tokens with one of `roles`, and tells whose it is; None where no tokens are set."""
        tokens = self._access.tokens
        if tokens is None:
            return _anyone

        def holder(credentials: Credentials) -> Caller:
            return _caller(tokens, credentials, roles)

        return holder

    def by_method(self) -> Callable[..., Caller | None]:
        """Reading is for viewers and operators, all else for operators."""
        tokens = self._access.tokens
        if tokens is None:
            return _anyone

        def holder(request: Request, credentials: Credentials) -> Caller:
            roles = _READERS if request.method in _READING else (Role.OPERATOR,)
            return _caller(tokens, credentials, roles)

        return holder

    def webhook(self, source: str) -> Callable[..., Awaitable[Sender]]:
        """Passes calls of `source` that carry a token for alerts or are signed, within the source's rate."""
        access = self._access
        if not access.closed_webhooks:

            async def anyone() -> Sender:
                self._hold_to_rate(source)
                return Sender()

            return anyone

        async def sender(request: Request, credentials: Credentials, _: Signature) -> Sender:
            if credentials is not None and access.tokens is not None:
                known = Sender(caller=_caller(access.tokens, credentials, (Role.ALERTS,)))
            else:
                known = Sender(call=await self._signed(source, request))
            self._hold_to_rate(source)
            return known

        return sender

    async def _signed(self, source: str, request: Request) -> WebhookCall:
        secrets = self._access.secrets.get(source, ())
        if not secrets:
            raise _unknown(
                f"Send a token for alerts as Authorization: Bearer …; no secret is set for {source}"
            )
        body = await request.body()
        try:
            return signed_call(source, secrets, request.headers, body, self._clock())
        except SignatureError as error:
            _LOG.warning("a webhook call for %s was refused: %s", source, error)
            raise _unknown(f"The signature does not hold: {error}") from error

    def _hold_to_rate(self, source: str) -> None:
        wait_s = self._access.rates.wait_s(source)
        if wait_s is not None:
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"More calls of {source} than are allowed; send again in {wait_s} s",
                headers={"Retry-After": str(wait_s)},
            )


def _anyone() -> None:
    return None


def _caller(
    tokens: Tokens, credentials: HTTPAuthorizationCredentials | None, roles: tuple[Role, ...]
) -> Caller:
    caller = None if credentials is None else tokens.caller(credentials.credentials)
    if caller is None:
        raise _unknown("Send a token as Authorization: Bearer …; `aegisops token new` makes one")
    if caller.role not in roles:
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            f"The token of {caller.name} is for {caller.role}; this needs {' or '.join(roles)}",
        )
    return caller


def _unknown(detail: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})
