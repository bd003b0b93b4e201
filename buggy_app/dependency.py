"""The downstream dependency: a catalog on two endpoints. A third party: it has no telemetry of ours."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from buggy_app.chaos.order import Fault, OrderBook
from buggy_app.listener import ListenError, listen
from buggy_app.settings import SettingsError, load_settings
from buggy_app.state_directory import StateDirectory, StateDirectoryError
from buggy_app.web_server import web_server

SLOW_BY_S = 1.2
ITEMS = json.dumps([{"sku": f"B-{n:03d}", "price": 9.5 + n} for n in range(20)]).encode()


class Catalog:
    """The ASGI application of both endpoints. The primary is slow as far as an order says."""

    def __init__(self, orders: OrderBook, primary_port: int, clock: Callable[[], float] = time.time) -> None:
        self._orders = orders
        self._primary_port = primary_port
        self._clock = clock

    async def __call__(
        self,
        scope: dict[str, Any],
        _receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer every request with the catalog."""
        if scope["server"][1] == self._primary_port:
            await asyncio.sleep(self.delay_s())
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ITEMS))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ITEMS})

    def delay_s(self) -> float:
        """Seconds by which the primary endpoint is slower now."""
        order = self._orders.get(Fault.NETWORK_LATENCY)
        return SLOW_BY_S * order.level(self._clock()) if order is not None else 0.0


def run(environ: Mapping[str, str]) -> int:
    """Serve both endpoints until told to stop; answers the exit code."""
    try:
        settings = load_settings(environ)
        state = StateDirectory(settings.state_dir)
        state.prepare()
        listeners = [
            listen(settings.host, settings.dependency_primary_port, "BUGGY_APP_DEPENDENCY_PRIMARY_PORT"),
            listen(settings.host, settings.dependency_secondary_port, "BUGGY_APP_DEPENDENCY_SECONDARY_PORT"),
        ]
    except (SettingsError, StateDirectoryError, ListenError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a program that cannot start says why
        return 2
    server = web_server(Catalog(OrderBook(state), settings.dependency_primary_port), lifespan=False)
    server.run(sockets=listeners)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(os.environ))
