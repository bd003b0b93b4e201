"""The outside world: steady traffic, and the surge. It has no telemetry of ours.

Every request has a connection of its own, so that replicas which share the port share the load.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from buggy_app.chaos.order import SURGE, Fault, OrderBook
from buggy_app.settings import Settings, SettingsError, load_settings
from buggy_app.state_directory import StateDirectory, StateDirectoryError

TIMEOUT_S = 5.0
UPLOAD = b"\x5a" * 32 * 1024
SURGE_RATE = 36.0
IDLE_S = 0.1


@dataclass(frozen=True, slots=True)
class Call:
    """A request to make."""

    method: str
    path: str
    body: bytes = b""

    def encode(self, host: str) -> bytes:
        """The request as HTTP/1.1, on a connection that is closed after it."""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: outside-world\r\n"
            f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + self.body


ORDERS, CATALOG = Call("GET", "/orders"), Call("GET", "/catalog")
QUOTE, UPLOADS = Call("GET", "/quote"), Call("POST", "/uploads", UPLOAD)
MIX = (ORDERS, CATALOG, QUOTE, ORDERS, CATALOG, UPLOADS, ORDERS, CATALOG, QUOTE, ORDERS)
EXACT_QUOTE = Call("GET", "/quote?precision=high")


class Stream:
    """Calls at a rate, in turn, with a bound on how many are under way; what exceeds it is left out."""

    def __init__(
        self, settings: Settings, calls: tuple[Call, ...], rate: Callable[[], float], concurrency: int
    ) -> None:
        self._address = (settings.host, settings.port)
        self._requests = [call.encode(f"{settings.host}:{settings.port}") for call in calls]
        self._rate = rate
        self._concurrency = concurrency
        self._under_way: set[asyncio.Task[bool]] = set()

    async def run(self) -> None:
        """Make calls until cancelled."""
        turn, next_at = 0, time.monotonic()
        while True:
            rate = self._rate()
            if rate <= 0:
                await asyncio.sleep(IDLE_S)
                next_at = time.monotonic()
                continue
            if len(self._under_way) < self._concurrency:
                task = asyncio.create_task(call(self._address, self._requests[turn % len(self._requests)]))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            turn += 1
            next_at = max(next_at + 1 / rate, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))


async def call(address: tuple[str, int], request: bytes) -> bool:
    """Make one call and read the answer to its end; False when there was none in time."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(request)
            return bool(await reader.read(-1))
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()


def surge_rate(orders: OrderBook, clock: Callable[[], float] = time.time) -> float:
    """Calls per second the surge makes now, 0 when there is none."""
    order = orders.get(Fault.CPU_SPIKE)
    return SURGE_RATE * order.level(clock()) if order is not None and order.variant == SURGE else 0.0


async def generate(settings: Settings, orders: OrderBook) -> None:
    """Make traffic until SIGTERM or SIGINT."""
    streams = (
        Stream(settings, MIX, lambda: settings.traffic_rate, settings.traffic_concurrency),
        Stream(settings, (EXACT_QUOTE,), lambda: surge_rate(orders), settings.traffic_concurrency),
    )
    tasks = [asyncio.create_task(stream.run()) for stream in streams]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    for task in tasks:
        task.cancel()


def run(environ: Mapping[str, str]) -> int:
    """Make traffic until told to stop; answers the exit code."""
    try:
        settings = load_settings(environ)
        state = StateDirectory(settings.state_dir)
        state.prepare()
    except (SettingsError, StateDirectoryError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a program that cannot start says why
        return 2
    asyncio.run(generate(settings, OrderBook(state)))
    return 0


if __name__ == "__main__":
    raise SystemExit(run(os.environ))
