"""The body of an HTTP request: read and unpacked within bounds, however large it would become."""

import asyncio
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from starlette.requests import ClientDisconnect, Request

from detector.receive.reception import MalformedError, NoRoomError

_STEP = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(Exception):
    """The body is, or unpacks to, more than the limit."""


class TooSlowError(Exception):
    """The body did not arrive in time."""


class ByteBudget:
    """Bytes of bodies that are held at once, of all requests together; may be shared by threads."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    @contextmanager
    def share(self) -> Iterator["BudgetShare"]:
        """What one request takes; all of it is given back at the end."""
        share = BudgetShare(self)
        try:
            yield share
        finally:
            self.take(-share.taken)

    def take(self, size: int) -> None:
        """Raises NoRoomError, and takes nothing, when there is not so much left."""
        with self._lock:
            if size > self._left:
                raise NoRoomError
            self._left -= size


class BudgetShare:
    """What one request has taken of a budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self.taken = 0
        self._budget = budget

    def take(self, size: int) -> None:
        """Raises NoRoomError."""
        self._budget.take(size)
        self.taken += size


async def read_body(request: Request, limit: int, within_s: float, share: BudgetShare) -> bytes:
    """The body as it was sent, of at most `limit` bytes.

    What is refused is read to its end as well, and thrown away as it comes: a sender that is cut off in the
    midst of sending would not see the answer. Raises TooLargeError, TooSlowError, NoRoomError,
    ClientDisconnect.
    """
    kept = bytearray()
    refused: Exception | None = None
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                if refused is None:
                    refused = _keep(chunk, kept, limit, share)
    except TimeoutError as error:
        raise refused or TooSlowError from error
    if refused is not None:
        raise refused
    return bytes(kept)


async def throw_away_body(request: Request, within_s: float) -> None:
    """Read the body to its end, or for so long, and keep nothing of it."""
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(within_s):
            async for _ in request.stream():
                pass


def _keep(chunk: bytes, kept: bytearray, limit: int, share: BudgetShare) -> Exception | None:
    """Append; where that is not to be, forget all that was kept, and answer why."""
    try:
        if len(kept) + len(chunk) > limit:
            raise TooLargeError
        share.take(len(chunk))
    except (TooLargeError, NoRoomError) as error:
        kept.clear()
        return error
    kept += chunk
    return None


def unpack_gzip(packed: bytes, limit: int, share: BudgetShare) -> bytes:
    """The content of a gzip file of one or more members, of at most `limit` bytes.

    Never holds more than a step beyond the limit. Raises TooLargeError, MalformedError, NoRoomError.
    """
    unpacked = bytearray()
    rest = packed
    try:
        while rest:
            member = zlib.decompressobj(_GZIP)
            while not member.eof:
                step = member.decompress(rest, min(_STEP, limit + 1 - len(unpacked)))
                rest = member.unconsumed_tail
                if not step and not rest and not member.eof:
                    raise MalformedError("the body is a gzip file without its end")
                if len(unpacked) + len(step) > limit:
                    raise TooLargeError
                share.take(len(step))
                unpacked += step
            rest = member.unused_data
    except zlib.error as error:
        raise MalformedError("the body is no gzip file, as its content-encoding says") from error
    return bytes(unpacked)
