"""The web service: its endpoints, and what they answer when something goes wrong."""

import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import anyio.to_thread
import httpx
from anyio import CapacityLimiter
from fastapi import FastAPI, HTTPException, Request
from sqlalchemy.exc import SQLAlchemyError

from buggy_app.active_endpoint import ActiveEndpoint
from buggy_app.database import CUSTOMERS, Database, PoolRecycler
from buggy_app.quote import Precision, price
from buggy_app.work_directory import WorkDirectory

MAX_UPLOAD = 2**20
WORKER_THREADS = 16

_log = logging.getLogger("buggy_app.web")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the endpoints work with. `on_ready` and `on_stop` are called once, in the event loop's thread."""

    database: Database
    recycler: PoolRecycler
    work: WorkDirectory
    endpoint: ActiveEndpoint
    client: httpx.AsyncClient
    rng: random.Random
    quote_workers: int
    on_ready: Callable[[], None]
    on_stop: Callable[[], None]


def create_app(parts: Parts) -> FastAPI:
    """The web service made of `parts`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = WORKER_THREADS
        parts.on_ready()
        yield
        parts.on_stop()
        await parts.client.aclose()

    app = FastAPI(title="buggy-app", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    _add_shop(app, parts)
    _add_uploads(app, parts)
    _add_operations(app, parts)
    return app


def _add_shop(app: FastAPI, parts: Parts) -> None:
    quoting = CapacityLimiter(parts.quote_workers)

    @app.get("/orders")
    def orders() -> list[dict[str, float]]:
        try:
            return parts.database.orders_of(parts.rng.randrange(CUSTOMERS))
        except SQLAlchemyError as error:
            _log.exception("cannot read orders: %s", str(error).partition(" (Background")[0])
            raise HTTPException(500, "database not available") from error

    @app.get("/catalog")
    async def catalog() -> dict[str, object]:
        endpoint = parts.endpoint.get()
        try:
            response = await parts.client.get(f"{parts.endpoint.url(endpoint)}/catalog")
            response.raise_for_status()
        except httpx.HTTPError as error:
            _log.exception("cannot read catalog from the %s endpoint: %s", endpoint, type(error).__name__)
            raise HTTPException(502, "catalog not available") from error
        return {"source": endpoint, "items": response.json()}

    @app.get("/quote")
    async def quote(precision: Precision = Precision.STANDARD) -> dict[str, float]:
        return asdict(await anyio.to_thread.run_sync(price, precision, parts.rng, limiter=quoting))


def _add_uploads(app: FastAPI, parts: Parts) -> None:
    @app.post("/uploads", status_code=201)
    async def upload(request: Request) -> dict[str, str]:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_UPLOAD:
                raise HTTPException(413, f"an upload is at most {MAX_UPLOAD} bytes")
        try:
            name = await anyio.to_thread.run_sync(parts.work.store_upload, bytes(data))
        except OSError as error:
            _log.exception("cannot store upload: %s", error.strerror)
            raise HTTPException(500, "upload not stored") from error
        return {"name": name}


def _add_operations(app: FastAPI, parts: Parts) -> None:
    operations = CapacityLimiter(1)  # so that operating the app does not wait for its stuck workers

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/admin/pool/recycle")
    async def recycle_pool() -> dict[str, int]:
        return asdict(await anyio.to_thread.run_sync(parts.recycler.recycle, limiter=operations))
