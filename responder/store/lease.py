"""Which of several responders on one PostgreSQL database live, and whose work may be taken over.

Each holds, by a session of its own, a lock that is named after it. The server lets go of the lock when the
session ends: when the process dies, or when the connection is lost. Who gets the lock of another one takes
its row away first; without its row a process begins no action any more, however alive it is.
"""

import logging
from collections.abc import Callable, Iterable
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select
from sqlalchemy.exc import DBAPIError

from responder.store.database import Database
from responder.store.schema import instances

_LOG = logging.getLogger(__name__)


class TakenOverError(BaseException):
    """Another responder has taken over what this one was about to do: this execution stops where it is.

    Not an `Exception`: no handler may make an outcome of it.
    """


class Standing(StrEnum):
    """What a process is to its peers. `LOST`: its session is gone, and anybody may take over its work;
    `TAKEN_OVER`: somebody did."""

    HELD = "held"
    LOST = "lost"
    TAKEN_OVER = "taken_over"


class Lease:
    """The lock and the row of one process. For one thread."""

    def __init__(self, database: Database, instance: str) -> None:
        self._database = database
        self._engine = database.session_engine()
        self._instance = instance
        self._session: Connection | None = None

    def take(self, at: float) -> None:
        """Begin to be one of those who work."""
        self._session = self._engine.connect()
        _try_lock(self._session, self._instance)
        with self._database.write() as tx:
            tx.execute(insert(instances).values(id=self._instance, started_at=at))

    def look(self) -> Standing:
        """Where this process stands now; takes its lock again where the session was lost."""
        try:
            held = self._session is not None
            if self._session is None:
                self._session = self._engine.connect()
                held = _try_lock(self._session, self._instance)
            if not _is_there(self._session, self._instance):
                return Standing.TAKEN_OVER
        except DBAPIError as error:
            _LOG.warning("the session that shows that this responder lives is lost: %s", error.orig)
            held = False
        if held:
            return Standing.HELD
        self.close()
        return Standing.LOST

    def take_over(self, owners: Iterable[str], adopt: Callable[[str], object]) -> None:
        """Have `adopt` take the work of each that is not alive: of those that are known, and of `owners`,
        where workflows were seen to run.

        Only while `HELD`. No two do so for the same one at the same time.
        """
        session = self._session
        if session is None:
            return
        owning = set(owners)
        known = session.execute(select(instances.c.id)).scalars()
        for instance in sorted({*known, *owning} - {self._instance}):
            if not _try_lock(session, instance):
                continue
            try:
                mine = session.execute(delete(instances).where(instances.c.id == instance)).rowcount
                if mine or instance in owning:
                    adopt(instance)
            finally:
                session.execute(select(func.pg_advisory_unlock(_key(instance))))

    def close(self) -> None:
        """Let go: whoever looks next may take over what is unfinished."""
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
            self._session = None


def require_instance(tx: Connection, instance: str) -> None:
    """Hold the process's row until the transaction ends, where several share the database; TakenOverError
    where it is gone."""
    if tx.dialect.name != "postgresql":
        return
    query = select(instances.c.id).where(instances.c.id == instance).with_for_update(read=True)
    if tx.execute(query).first() is None:
        raise TakenOverError(f"another responder has taken over the work of {instance}")


def _is_there(session: Connection, instance: str) -> bool:
    return session.execute(select(instances.c.id).where(instances.c.id == instance)).first() is not None


def _try_lock(session: Connection, instance: str) -> bool:
    return bool(session.execute(select(func.pg_try_advisory_lock(_key(instance)))).scalar_one())


def _key(instance: str) -> ColumnElement[int]:
    return func.hashtextextended(f"responder {instance}", 0)
