"""Bringing a database's tables to what this version of the responder uses."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from responder.store.schema import VERSION_TABLE

_LOG = logging.getLogger(__name__)
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6165_6769_73_01  # "aegis": the advisory lock on PostgreSQL that migrations are made under


class NewerDatabaseError(Exception):
    """A newer version of the responder has migrated the database; `revision` is its schema's."""

    def __init__(self, revision: str) -> None:
        self.revision = revision
        super().__init__(revision)


def migrate(connection: Connection) -> None:
    """Apply the migrations that are missing, inside the connection's writing transaction.

    Whoever comes second waits, and then finds nothing to do: on SQLite the transaction holds the write lock,
    on PostgreSQL a lock that ends with it. Raises `NewerDatabaseError`.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    scripts = ScriptDirectory(str(_MIGRATIONS))
    at = current_revision(connection)
    if at == scripts.get_current_head():
        return
    if at is not None and at not in {script.revision for script in scripts.walk_revisions()}:
        raise NewerDatabaseError(at)
    _LOG.info("bringing the database from schema %s to %s", at or "none", scripts.get_current_head())
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite":
        _check_references(connection)


def current_revision(connection: Connection) -> str | None:
    """The revision of the database's schema; None where no migration was ever applied."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _check_references(connection: Connection) -> None:
    """SQLite checks no references while tables are made anew."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise RuntimeError(f"a migration left rows of {broken[0]} that refer to nothing in {broken[2]}")
