"""`aegisops audit`: is the responder's audit trail whole?"""

from pathlib import Path
from typing import Annotated

import typer

from aegisops.errors import StackError
from detector.hosting import SettingsError
from responder.audit import AuditTrail
from responder.settings import load_settings
from responder.store import Database, StoreUnusableError

audit_app = typer.Typer(no_args_is_help=True, help="Looks after the responder's audit trail.")

EXIT_ANSWER_NO = 1


@audit_app.callback()
def audit() -> None:
    """Looks after the responder's audit trail."""


@audit_app.command()
def verify(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="The responder's data directory, where it is not that of its settings."),
    ] = None,
    contains: Annotated[
        str | None, typer.Option(help="A hash written down before; the trail must still have its record.")
    ] = None,
) -> None:
    """Recomputes the chain of hashes; says how many records there are, or the first that does not fit.

    The database is that of AEGISOPS_RESPONDER_DATA_DIR or AEGISOPS_RESPONDER_DATABASE_URL, and may be in use.
    """
    database = _database(data_dir)
    try:
        checked = AuditTrail(database, lambda: 0.0).check(contains)
    except StoreUnusableError as error:
        raise StackError(str(error)) from error
    finally:
        database.close()
    if checked.fault is not None:
        typer.echo(f"error: {checked.fault} ({checked.records} records before it fit)", err=True)
        raise typer.Exit(EXIT_ANSWER_NO)
    typer.echo(f"{checked.records} records, none was changed; the last has the hash {checked.head}")


def _database(data_dir: Path | None) -> Database:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise StackError(str(error)) from error
    url, setting = settings.store_url, settings.store_setting
    if data_dir is not None:
        url, setting = f"sqlite:///{data_dir.absolute() / 'responder.db'}", "--data-dir"
    database = Database(url, setting)
    try:
        database.look()
    except StoreUnusableError as error:
        raise StackError(str(error)) from error
    return database
