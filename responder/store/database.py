"""Opening the database: pragmas, transactions, and errors that say what to do."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    NullPool,
    create_engine,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import DatabaseError, InterfaceError, SQLAlchemyError

from responder.store import sqlite
from responder.store.migrate import NewerDatabaseError, migrate
from responder.store.outage import (
    Outage,
    StoreUnavailableError,
    StoreUnusableError,
    Turnstile,
    outage_of,
)
from responder.store.schema import audit_head
from responder.store.turn import NoTurnError, Turn

_TURN_S = 9.0  # less than the detector waits for an answer, and more than a writer waits for a lock
_MOST_WAITING = 24  # of the forty threads that answer calls some are left for those who only read
_POOL = 10  # connections to PostgreSQL at most, besides those of the workflow library
_FOR_READERS = 2  # of them, which no writer takes
_POOL_TIMEOUT_S = 8.0
_CONNECT_TIMEOUT_S = 5
_JUST_S = 1.0

# A session that only holds a lock must not outlive its client: both ends ask after each other.
_SESSION_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
    "options": "-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3",
}


class Database:
    """One engine and two kinds of transaction.

    On SQLite a writing transaction takes the write lock at its beginning, so that two writers queue
    instead of one failing half way; readers never wait, neither for the lock (write-ahead log) nor for the
    connections of those that do. One process at a time may have a SQLite database open: two would both take
    up the same unfinished incidents.

    PostgreSQL may be shared by several processes. Writers see what is committed at each statement, and hold
    the rows that they decide by (`FOR UPDATE`), or where there are no rows yet a lock (`alone`); readers see
    one snapshot. Some connections are left to those who only read, however many wait to write.

    Both raise `StoreUnavailableError` when the database is away, locked or full. `waited` is told how many
    seconds each writing transaction waited to begin.
    """

    def __init__(self, url: str, setting: str, waited: Callable[[float], None] = lambda _: None) -> None:
        self._url = _with_driver(make_url(url))
        self._setting = setting
        self._waited = waited
        self._file = sqlite.File(self._url, setting) if self._url.get_backend_name() == "sqlite" else None
        self._turn = threading.Lock()
        self._turnstile = Turnstile()
        self._writers = Turn(_TURN_S, _MOST_WAITING, at_once=_POOL - _FOR_READERS if self.shared else 1)
        self._written_at = -math.inf
        self._reading: Engine
        self._writing: Engine
        if self._file is not None:
            self._reading = self._file.engine("BEGIN")
            self._writing = self._file.engine("BEGIN IMMEDIATE")
        else:
            self._writing = create_engine(
                self._url,
                pool_size=_POOL,
                max_overflow=0,
                pool_timeout=_POOL_TIMEOUT_S,
                pool_pre_ping=True,
                isolation_level="READ COMMITTED",
                connect_args={"connect_timeout": _CONNECT_TIMEOUT_S},
            )
            self._reading = self._writing.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def url(self) -> str:
        """The URL with its password, for the workflow library that shares the database."""
        return self._url.render_as_string(hide_password=False)

    @property
    def shared(self) -> bool:
        """Several processes may work on it at once."""
        return self._file is None

    def workflow_engine(self) -> Engine | None:
        """For the workflow library, on SQLite: it waits without end for one that is locked, and with this
        engine also for one that is full. None on PostgreSQL, where it does so by itself."""
        return None if self._file is None else self._file.workflow_engine(_POOL)

    def session_engine(self) -> Engine:
        """For connections outside of the pool, without transactions, that notice soon when the other end is
        gone. PostgreSQL only."""
        return create_engine(
            self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=_SESSION_OPTIONS
        )

    def open(self) -> None:
        """Bring the tables up to date and take the write lock once; `StoreUnusableError` if that fails."""
        try:
            self._open()
        except StoreUnusableError:
            self.close()
            raise

    def _open(self) -> None:
        if self._file is not None:
            self._file.hold()
        try:
            if self._file is not None:
                with self._reading.connect() as connection:
                    check = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
                if check != "ok":
                    raise StoreUnusableError(self._advice(f"is damaged ({check})"))
            with self._writing.begin() as connection:
                migrate(connection)
                self._prove(connection)
            self._dispose()  # connections of the start differ from those of the work
            if self._file is not None:
                self._file.started = True
        except NewerDatabaseError as error:
            raise StoreUnusableError(
                f"The database {self._place} was made by a newer version (schema {error.revision}): run "
                f"that version, or set {self._setting} to another place."
            ) from error
        except (DatabaseError, InterfaceError) as error:
            if outage_of(error) is Outage.FULL:
                raise StoreUnusableError(
                    f"The database {self._place} {Outage.FULL}: {self._remedies[Outage.FULL]}, or set "
                    f"{self._setting} to another place."
                ) from error
            raise StoreUnusableError(self._advice(_what_is_wrong(error))) from error

    def look(self) -> None:
        """Prove that a responder's database is there and can be read, also while the responder uses it;
        `StoreUnusableError` if not. Creates nothing."""
        if self._file is not None and not self._file.exists:
            raise StoreUnusableError(
                f"There is no database {self._url.database}: set {self._setting} to where the responder "
                "keeps it."
            )
        try:
            with self.read() as connection:
                connection.execute(select(audit_head.c.seq).limit(1))
        except StoreUnavailableError as error:
            raise StoreUnusableError(str(error)) from error
        except (DatabaseError, InterfaceError) as error:
            raise StoreUnusableError(self._advice(_what_is_wrong(error))) from error

    def size_bytes(self) -> int:
        """What it takes on its disk. Raises StoreUnavailableError."""
        if self._file is not None:
            return self._file.size_bytes()
        with self.read() as connection:
            size = connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one()
        return int(size)

    def check_writable(self) -> None:
        """Write something that means nothing, unless something was just written that does;
        `StoreUnavailableError` when that is not possible."""
        if self._turnstile.open and time.monotonic() - self._written_at < _JUST_S:
            return
        with self.write() as connection:
            self._prove(connection)

    def _prove(self, connection: Connection) -> None:
        # Either is written to the log of the database, whatever stood there before.
        connection.exec_driver_sql("SELECT pg_current_xact_id()" if self.shared else "PRAGMA user_version=0")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, on one snapshot."""
        with self._explained(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; committed at the end, rolled back on an exception."""
        asked_at = time.monotonic()
        with self._turnstile.pass_through() as still_open, self._explained(), self._writers:
            still_open()
            with self._writing.begin() as tx:
                self._waited(time.monotonic() - asked_at)
                yield tx
        self._written_at = time.monotonic()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, NoTurnError) as error:
            outage = Outage.BUSY if isinstance(error, NoTurnError) else outage_of(error)
            if outage is None:
                raise
            cause = getattr(error, "orig", None) or error
            message = f"The database {self._place} {outage} ({cause}): {self._remedies[outage]}"
            raise StoreUnavailableError(message, outage) from error

    @contextmanager
    def exclusively(self, what: str) -> Iterator[None]:
        """Nobody else, in this process or another, is in such a block about the same `what`. Not to be
        nested."""
        with self._turn:  # so that of each process only one waits, with one connection
            if not self.shared:
                yield
                return
            with self.write() as tx:
                alone(tx, what)
                yield

    def close(self) -> None:
        """Give back all connections."""
        self._dispose()
        if self._file is not None:
            self._file.let_go()

    def _dispose(self) -> None:
        for engine in (self._reading, self._writing):
            engine.dispose()

    @property
    def _place(self) -> str | None:
        return self._url.render_as_string(hide_password=True) if self.shared else self._url.database

    @property
    def _remedies(self) -> dict[Outage, str]:
        server = "see that its server runs and lets this user in"
        return {
            Outage.BUSY: "send less at a time",
            Outage.LOCKED: "end the process that holds it, or wait until it has ended",
            Outage.FULL: "make room there",
            Outage.AWAY: server if self.shared else "see to its directory and disk",
        }

    def _advice(self, wrong: str) -> str:
        if self.shared:
            return (
                f"The database {self._place} {wrong}: see that the server runs and lets this user in, or set "
                f"{self._setting} to another database."
            )
        return (
            f"The database {self._place} {wrong}: end the process that holds it, move the file away to start "
            f"empty, or set {self._setting} to another place."
        )


def alone(tx: Connection, what: str) -> None:
    """Wait until no other writing transaction is about `what`, and keep others waiting until this one ends.

    SQLite has one writer at a time anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url


def _what_is_wrong(error: DatabaseError | InterfaceError) -> str:
    text = str(error.orig)
    if "locked" in text:
        return "is locked by another process"
    if "malformed" in text or "not a database" in text:
        return f"is damaged ({text})"
    return f"cannot be used ({text})"
