"""A database that is away, locked or full for a while, told apart from errors that waiting does not mend."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Self

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class Outage(StrEnum):
    """Why the database cannot be used now; the words go into a sentence after its name."""

    BUSY = "cannot keep up with what is to be written"
    LOCKED = "is locked by another process"
    FULL = "is on a disk that is full"
    AWAY = "cannot be reached"


_SQLITE = {
    sqlite3.SQLITE_BUSY: Outage.LOCKED,
    sqlite3.SQLITE_LOCKED: Outage.LOCKED,
    sqlite3.SQLITE_PROTOCOL: Outage.LOCKED,
    sqlite3.SQLITE_FULL: Outage.FULL,
    sqlite3.SQLITE_IOERR: Outage.AWAY,
    sqlite3.SQLITE_CANTOPEN: Outage.AWAY,
    sqlite3.SQLITE_READONLY: Outage.AWAY,
}
_POSTGRESQL = {
    "53100": Outage.FULL,
    "25006": Outage.AWAY,  # read only, as a server is that was not promoted yet
}
_POSTGRESQL_AWAY = ("08", "53", "57P")  # connection, resources, the server shuts down or starts


class StoreUnusableError(Exception):
    """The database cannot be opened or written; the message names the setting and says what to do."""


class StoreUnavailableError(Exception):
    """Nothing was kept, and it may be tried again: the message says why and what to do."""

    def __init__(self, message: str, outage: Outage) -> None:
        super().__init__(message)
        self.outage = outage

    def again(self) -> Self:
        """The same for another caller."""
        return type(self)(str(self), self.outage)


def outage_of(error: BaseException) -> Outage | None:
    """Why the database cannot be used now; None where waiting would not help."""
    if isinstance(error, PoolTimeoutError):
        return Outage.AWAY
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)  # not on errors of the driver itself
        return None if code is None else _SQLITE.get(code & 0xFF)
    if isinstance(cause, psycopg.Error):
        return _of_postgresql(cause, lost=isinstance(error, DBAPIError) and error.connection_invalidated)
    return None


def _of_postgresql(error: psycopg.Error, lost: bool) -> Outage | None:
    state = error.sqlstate
    if state is None:  # nothing came from the server
        return Outage.AWAY if lost or isinstance(error, psycopg.OperationalError) else None
    return _POSTGRESQL.get(state) or (Outage.AWAY if state.startswith(_POSTGRESQL_AWAY) else None)


class Turnstile:
    """Lets all writers in while writing works. Once it failed one at a time tries again, and the others are
    told at once: a row of them that each wait for a lock would hold up all that only read."""

    def __init__(self) -> None:
        self._failed: StoreUnavailableError | None = None
        self._trying = threading.RLock()  # as a writer may write within what it writes

    @property
    def open(self) -> bool:
        """Writing works, as far as is known."""
        return self._failed is None

    @contextmanager
    def pass_through(self) -> Iterator[Callable[[], None]]:
        """Around one write, which raises StoreUnavailableError where it could not be made.

        What it gives is to be called after a wait: it raises what another writer failed with meanwhile.
        """
        failed = self._failed
        if failed is None:
            with self._remembering():
                yield self._tell
        elif self._trying.acquire(blocking=False):
            try:
                with self._remembering():
                    yield lambda: None
                self._failed = None
            finally:
                self._trying.release()
        else:
            raise failed.again()

    def _tell(self) -> None:
        failed = self._failed
        if failed is not None:
            raise failed.again()

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        try:
            yield
        except StoreUnavailableError as error:
            if error.outage is not Outage.BUSY:  # then writing works, though not for all at once
                self._failed = error
            raise
