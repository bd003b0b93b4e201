"""Orders in SQLite behind a real connection pool, and the pool's recycling."""

import random
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from buggy_app.state_directory import StateDirectory, replace_file

ORDERS = 500
CUSTOMERS = 50


class PoolTelemetry(Protocol):
    """What the pool tells as it happens. Times in seconds. May be called from any thread."""

    def waited(self, seconds: float) -> None:
        """A connection was handed out after waiting that long."""

    def timed_out(self) -> None:
        """Nobody returned a connection in time."""

    def created(self, seconds: float) -> None:
        """A new connection was opened."""

    def used(self, seconds: float) -> None:
        """A connection came back after that long."""

    def operated(self, seconds: float) -> None:
        """One database operation was done."""


@dataclass(frozen=True, slots=True)
class PoolState:
    """Connections of the pool now, and requests that wait for one."""

    used: int
    idle: int
    pending: int
    maximum: int


class Database:
    """The orders database of one replica."""

    def __init__(
        self,
        state: StateDirectory,
        pool_name: str,
        size: int,
        timeout_s: float,
        telemetry: PoolTelemetry,
        *,
        lost_after_s: float = 0.5,
    ) -> None:
        self.pool_name = pool_name
        self.generation = 0
        self._state = state
        self._telemetry = telemetry
        self._pending = 0
        self._lost_after_s = lost_after_s
        self._guard = threading.Lock()
        self._recycling = threading.Lock()
        self._out: dict[int, tuple[PoolProxiedConnection, float]] = {}
        self.engine = create_engine(
            "sqlite:///orders",
            creator=self._open,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            pool_timeout=timeout_s,
            pool_logging_name=self.pool_name,
        )
        event.listen(self.engine, "checkout", self._on_checkout)
        event.listen(self.engine, "checkin", self._on_checkin)

    def prepare(self) -> None:
        """Create and fill the table, once for all replicas. It does not grow afterwards."""
        with self._state.lock("database"), closing(self._open()) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, customer INTEGER, total REAL)"
            )
            if connection.execute("SELECT count(*) FROM orders").fetchone() == (0,):
                rng = random.Random(7)  # noqa: S311 - sample data, the same on every machine
                rows = [(n, n % CUSTOMERS, round(rng.uniform(5, 500), 2)) for n in range(ORDERS)]
                connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
            connection.execute("CREATE INDEX IF NOT EXISTS by_customer ON orders (customer)")

    def orders_of(self, customer: int) -> list[dict[str, float]]:
        """The newest orders of a customer. Raises `PoolTimeoutError` when no connection is to be had."""
        statement = text("SELECT id, total FROM orders WHERE customer = :customer ORDER BY id DESC LIMIT 10")
        with self.connection() as connection:
            start = time.perf_counter()
            rows = connection.execute(statement, {"customer": customer}).all()
            self._telemetry.operated(time.perf_counter() - start)
        return [{"id": row.id, "total": row.total} for row in rows]

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for the time of the block. Raises `PoolTimeoutError`."""
        with self.check_out() as connection:
            yield connection

    def check_out(self) -> Connection:
        """A connection that the caller must close. Raises `PoolTimeoutError`."""
        with self._guard:
            self._pending += 1
        start = time.perf_counter()
        try:
            connection = self.engine.connect()
        except PoolTimeoutError:
            self._telemetry.timed_out()
            raise
        finally:
            with self._guard:
                self._pending -= 1
        self._telemetry.waited(time.perf_counter() - start)
        return connection

    def state(self) -> PoolState:
        """The pool as it is now."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)  # noqa: S101 - made above with this pool class
        return PoolState(max(0, pool.checkedout()), pool.checkedin(), self._pending, pool.size())

    def recycle(self) -> int:
        """Start a fresh pool and close the old one's lost connections; answers how many those were.

        Lost are those that have been out for more than `lost_after_s` (a query takes about a
        millisecond). A query that is running keeps its connection, which is closed when it comes back.
        """
        with self._recycling:
            self.generation += 1
            with self._guard:
                now = time.monotonic()
                lost = [proxy for proxy, since in self._out.values() if now - since > self._lost_after_s]
            self.engine.dispose()
            valid = [proxy for proxy in lost if proxy.is_valid]
            for proxy in valid:
                proxy.invalidate()
        return len(valid)

    def give_back(self, connections: Iterable[Connection]) -> None:
        """Close connections that recycling may be closing just now."""
        with self._recycling:
            for connection in connections:
                connection.close()

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()

    def _open(self) -> sqlite3.Connection:
        start = time.perf_counter()
        connection = sqlite3.connect(self._state.database, timeout=2.0, check_same_thread=False)
        self._telemetry.created(time.perf_counter() - start)
        return connection

    def _on_checkout(
        self, _connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: PoolProxiedConnection
    ) -> None:
        with self._guard:
            self._out[id(record)] = (proxy, time.monotonic())

    def _on_checkin(self, _connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        with self._guard:
            out = self._out.pop(id(record), None)
        if out is not None:
            self._telemetry.used(time.monotonic() - out[1])


@dataclass(frozen=True, slots=True)
class Recycled:
    """Answer to a recycling: the epoch this replica has reached, and the connections it closed."""

    epoch: int
    closed: int


class PoolRecycler:
    """Recycles the pools of all replicas: one raises the epoch in the state directory, all follow it."""

    def __init__(self, state: StateDirectory, database: Database) -> None:
        self._state = state
        self._database = database
        self._guard = threading.Lock()
        self._seen = pool_epoch(state)

    def recycle(self) -> Recycled:
        """Raise the epoch, so that all replicas recycle, and recycle this replica's pool now."""
        with self._state.lock("pool"):
            replace_file(self._state.pool_epoch, f"{pool_epoch(self._state) + 1}\n".encode())
        return self.poll() or Recycled(self._seen, 0)

    def poll(self) -> Recycled | None:
        """Recycle this replica's pool if the epoch has risen since; None when there was nothing to do."""
        with self._guard:
            epoch = pool_epoch(self._state)
            if epoch <= self._seen:
                return None
            closed = self._database.recycle()
            self._seen = epoch
            return Recycled(epoch, closed)


def pool_epoch(state: StateDirectory) -> int:
    """How often the pools have been recycled."""
    try:
        return int(state.pool_epoch.read_text())
    except (FileNotFoundError, ValueError):
        return 0
