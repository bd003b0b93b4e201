"""Refuses request bodies above a limit, whether they say their length or not."""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from responder.api.problem import problem


class _TooLarge(Exception):  # noqa: N818 - never leaves this module
    """The body went past the limit while it was read."""


class BodyLimit:
    """ASGI middleware: answers 413 as soon as a body is, or says it is, larger than `max_bytes`."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on with a counted body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Send at most {self._max_bytes} bytes in one request"
        )
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_bytes:
            await response(scope, receive, send)
            return
        seen, refused = 0, False

        async def counted() -> Message:
            nonlocal seen, refused
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                # Answered here: what reads a body turns an exception into an answer of its own.
                refused = True
                await response(scope, receive, send)
                raise _TooLarge
            return message

        async def first_answer(message: Message) -> None:
            if not refused:
                await send(message)

        try:
            await self._app(scope, counted, first_answer)
        except _TooLarge:
            return
