"""The PostgreSQL database that a bench is given to work in."""

from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError


class BenchDatabaseError(Exception):
    """It cannot be used for a bench; the message says what to do."""


def require_empty(url: str) -> None:
    """A bench fills it and kills who works on it: it must be nobody's. BenchDatabaseError where it is."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BenchDatabaseError("That is no database URL: name one such as postgresql://…") from error
    if parsed.get_backend_name() != "postgresql":
        raise BenchDatabaseError("Name a PostgreSQL database, or none for SQLite in a directory of its own.")
    engine = create_engine(parsed.set(drivername="postgresql+psycopg"))
    try:
        tables = inspect(engine).get_table_names()
    except SQLAlchemyError as error:
        raise BenchDatabaseError(f"The database cannot be looked into: {error}") from error
    finally:
        engine.dispose()
    if tables:
        shown = parsed.render_as_string(hide_password=True)
        raise BenchDatabaseError(f"{shown} holds tables already: make an empty database for the bench.")
