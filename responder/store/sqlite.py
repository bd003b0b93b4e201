"""A SQLite database: its file, which one process holds, and connections set up for many threads."""

import fcntl
import sqlite3
from pathlib import Path
from typing import IO, Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import OperationalError

from responder.store.outage import Outage, StoreUnusableError, outage_of

BUSY_TIMEOUT_MS = 8_000
START_BUSY_TIMEOUT_MS = 3_000
_WORKFLOW_BUSY_TIMEOUT_MS = 30_000


class File:
    """The file at `url`. `setting`: what names its place, for errors.

    `started`: work has begun. Before, connections give up sooner, and check no reference, as a migration may
    make a table anew that others refer to.
    """

    def __init__(self, url: URL, setting: str) -> None:
        self._url = url
        self._path = Path(url.database or "")
        self._setting = setting
        self._held: IO[bytes] | None = None
        self.started = False

    @property
    def exists(self) -> bool:
        """There is one."""
        return self._path.is_file()

    def size_bytes(self) -> int:
        """What it takes on its disk, with its write-ahead log."""
        log = self._path.with_name(self._path.name + "-wal")
        return sum(one.stat().st_size for one in (self._path, log) if one.exists())

    def engine(self, begin: str) -> Engine:
        """Whose transactions start with the statement `begin`. Connections without a limit but the number of
        threads; none waits for another one's."""
        engine = create_engine(self._url, max_overflow=-1)

        def begin_so(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine, "connect", self._set_up)
        event.listen(engine, "begin", begin_so)
        return engine

    def _set_up(self, connection: Any, record: object) -> None:
        del record
        # SQLAlchemy sends BEGIN itself (above); the driver's own implicit BEGIN would come too late.
        connection.isolation_level = None
        timeout_ms = BUSY_TIMEOUT_MS if self.started else START_BUSY_TIMEOUT_MS
        connection.execute(f"PRAGMA busy_timeout={timeout_ms}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA foreign_keys={'ON' if self.started else 'OFF'}")

    def workflow_engine(self, connections: int) -> Engine:
        """For the workflow library: it waits without end for a database that is locked, and with this engine
        also for one that is full."""
        engine = create_engine(self._url, pool_size=connections, max_overflow=0)
        event.listen(engine, "connect", _set_up_for_workflows)
        event.listen(engine, "handle_error", _as_locked)
        return engine

    def hold(self) -> None:
        """Keep other processes out for as long as this one lives; the kernel lets go when it dies.

        Making the file for it is also the proof that the directory can be written: permissions alone tell
        nothing about a read-only file system, or for root. Raises StoreUnusableError.
        """
        directory = self._path.parent
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnusableError(
                f"The directory {directory} cannot be created ({error.strerror}): set {self._setting} "
                "to a directory this user may write."
            ) from error
        path = self._path.with_name(self._path.name + ".lock")
        try:
            held = path.open("ab")
        except OSError as error:
            raise StoreUnusableError(
                f"The directory {directory} is not writable for this user ({path.name}: {error.strerror}): "
                f"change its permissions or set {self._setting} to a directory that is."
            ) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.close()
            raise StoreUnusableError(
                f"Another responder uses {self._url.database}: stop it, or set {self._setting} to "
                "another place."
            ) from error
        self._held = held

    def let_go(self) -> None:
        """Let others in."""
        if self._held is not None:
            self._held.close()


def _set_up_for_workflows(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = "IMMEDIATE"  # as the library sets up the engine that it makes
    connection.execute(f"PRAGMA busy_timeout={_WORKFLOW_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys=ON")


def _as_locked(context: ExceptionContext) -> BaseException | None:
    """The library tries again where a SQLite error says this, and gives the workflow up at any other."""
    error = context.original_exception
    if outage_of(error) in (None, Outage.LOCKED):
        return None
    return OperationalError(
        context.statement, None, sqlite3.OperationalError(f"database is locked, so to say: {error}")
    )
