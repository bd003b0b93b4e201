"""An HTTP client for model servers: bounded answers, no redirects, no proxy on the way to this machine."""

import ssl
from collections.abc import AsyncIterator

import httpx2

from responder.diagnose.llm.provider import BadAnswer, Refusal
from responder.loopback import is_loopback

MAX_ANSWER_BYTES = 1024 * 1024


def bounded_client(base_url: str, timeout_s: float) -> httpx2.AsyncClient:
    """A client for one server. The usual proxy variables count, but for a server on this machine.

    Reading an answer raises BadAnswer after so many bytes, also that of an error.
    """
    url = httpx2.URL(base_url)
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout_s),
        # Reading all the certificates takes a while; without TLS an empty set, which trusts nobody, will do.
        verify=True if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=not is_loopback(url.host),
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
        limits=httpx2.Limits(max_connections=32, max_keepalive_connections=4, keepalive_expiry=30.0),
        event_hooks={"response": [_bound]},
    )


async def _bound(response: httpx2.Response) -> None:
    """Called before the body is read. What is compressed could unpack to any size."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BadAnswer(Refusal.NOT_JSON, "the server answered in an encoding that was not asked for")
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _BoundedStream(response.stream)


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise BadAnswer(Refusal.TOO_LONG, f"the answer has more than {MAX_ANSWER_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
