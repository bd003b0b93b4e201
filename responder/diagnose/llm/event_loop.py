"""One event loop in a thread of its own, so that calls of blocking callers can be cut off at a deadline."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CLOSE_S = 5.0
_MARGIN_S = 1.0


class EventLoopThread:
    """Runs coroutines for callers in other threads.

    A socket read that only has a time-out of its own can be kept alive for ever by a byte now and then;
    a task of an event loop is cancelled at the deadline whatever it waits for, and its connection closed.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="model-calls", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def run(self, work: Coroutine[Any, Any, T], deadline_s: float) -> T:
        """The result of `work`. Raises TimeoutError where it is not done after `deadline_s` seconds."""

        async def bounded() -> T:
            async with asyncio.timeout(deadline_s):
                return await work

        call = asyncio.run_coroutine_threadsafe(bounded(), self._loop)
        try:
            return call.result(deadline_s + _MARGIN_S)  # also should the loop itself be held up
        except TimeoutError:
            call.cancel()
            raise

    def close(self) -> None:
        """Cancels what still runs, and ends the thread."""
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(_CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        self._loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
