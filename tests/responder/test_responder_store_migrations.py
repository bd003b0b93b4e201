"""Migrations: one chain, that makes what the code uses, of any database that was there before."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pipeline_doubles import make_incident
from sqlalchemy import Engine, MetaData, Table, create_engine, select, update

import responder.store
from responder.store import Database, Store, StoreUnusableError
from responder.store.migrate import NewerDatabaseError, current_revision, migrate
from responder.store.schema import VERSION_TABLE, metadata

SCRIPTS = ScriptDirectory(str(Path(responder.store.__file__).parent / "migrations"))
BEFORE = Path(__file__).parent / "schema_before_migrations.sql"
SETTING = "AEGISOPS_RESPONDER_DATABASE_URL"


def open_store(url: str) -> Store:
    database = Database(url, SETTING)
    database.open()
    return Store.over(database)


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_server_default": True}
        )
        return list(compare_metadata(context, metadata))


def set_revision(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        version = Table(VERSION_TABLE, MetaData(), autoload_with=connection)
        connection.execute(update(version).values(version_num=revision))
    engine.dispose()


def test_the_migrations_are_one_chain_in_the_order_of_their_names() -> None:
    chain = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]
    assert chain == [f"{number:04}" for number in range(1, len(chain) + 1)]
    names = sorted(Path(script.path).name for script in SCRIPTS.walk_revisions())
    assert [name.split("_")[0] for name in names] == chain


def test_the_migrations_make_what_the_code_uses(database_url: str) -> None:
    open_store(database_url).database.close()
    engine = create_engine(database_url)
    assert differences(engine) == []
    engine.dispose()


def test_a_second_start_changes_nothing(database_url: str) -> None:
    store = open_store(database_url)
    store.incidents.receive(make_incident(), 5.0)
    store.database.close()
    store = open_store(database_url)
    assert store.incidents.unfinished() == ["INC-1"]
    store.database.close()


def test_a_database_from_before_migrations_is_brought_up_to_date_without_loss(tmp_path: Path) -> None:
    path = tmp_path / "responder.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(BEFORE.read_text())
        connection.execute(
            "INSERT INTO runbook_entries (id, document, updated_at) VALUES ('kept', '{\"n\": 1}', 1.0)"
        )
    connection.close()
    open_store(f"sqlite:///{path}").database.close()
    engine = create_engine(f"sqlite:///{path}")
    assert differences(engine) == []
    with engine.connect() as connection:
        kept = connection.execute(select(metadata.tables["runbook_entries"].c.document)).scalar_one()
    assert kept == {"n": 1}
    engine.dispose()


def test_a_database_that_had_only_some_of_the_first_tables_gets_the_others(tmp_path: Path) -> None:
    path = tmp_path / "responder.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(BEFORE.read_text())
        connection.executescript("DROP TABLE audit_head; DROP TABLE audit_trail; DROP TABLE approvals;")
    connection.close()
    open_store(f"sqlite:///{path}").database.close()
    engine = create_engine(f"sqlite:///{path}")
    assert differences(engine) == []
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused_with_what_to_do(database_url: str) -> None:
    open_store(database_url).database.close()
    set_revision(database_url, "9999")
    with pytest.raises(StoreUnusableError, match=f"newer version.*9999.*run that version.*{SETTING}"):
        open_store(database_url)


def test_many_that_migrate_at_once_wait_for_each_other(postgres_url: str) -> None:
    def start(_: int) -> str | None:
        store = open_store(postgres_url)
        with store.database.read() as tx:
            revision = current_revision(tx)
        store.database.close()
        return revision

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(start, range(6))) == {SCRIPTS.get_current_head()}


def test_a_migration_that_is_interrupted_leaves_nothing_behind(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":  # the driver would begin only before the first INSERT
            connection.connection.driver_connection.isolation_level = None
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        migrate(connection)
        connection.rollback()
    with engine.connect() as connection:
        assert current_revision(connection) is None
    engine.dispose()
    open_store(database_url).database.close()


def test_an_unknown_revision_is_named(postgres_url: str) -> None:
    open_store(postgres_url).database.close()
    set_revision(postgres_url, "from the future")
    engine = create_engine(postgres_url)
    with engine.begin() as connection, pytest.raises(NewerDatabaseError, match="from the future"):
        migrate(connection)
    engine.dispose()
