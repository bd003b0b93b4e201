"""`aegisops token`: makes the tokens that the responder's API asks for."""

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from aegisops.errors import StackError
from responder.access import Role, Tokens, TokensError, new_token, token_line

token_app = typer.Typer(no_args_is_help=True, help="Makes the tokens that the responder's API asks for.")


@token_app.callback()
def token() -> None:
    """Makes the tokens that the responder's API asks for."""


@token_app.command()
def new(
    name: Annotated[str, typer.Argument(help="Whose token it is; it goes to the audit trail.")],
    role: Annotated[Role, typer.Option(help="What it is for.")],
    file: Annotated[
        Path | None,
        typer.Option(help="The responder's file of tokens; the new one is added. Made if need be."),
    ] = None,
) -> None:
    """Makes a token and shows it, this once; only its hash is kept."""
    made = new_token(secrets.token_urlsafe)
    try:
        line = token_line(name, role, made)
        if file is not None:
            _add(file, name, line)
    except TokensError as error:
        raise StackError(str(error)) from error
    typer.echo(made)
    if file is None:
        typer.echo(f"Add this line to the file of AEGISOPS_RESPONDER_TOKENS:\n{line}", err=True)
    else:
        typer.echo(
            f"{file} has it; start the responder (again) with AEGISOPS_RESPONDER_TOKENS={file}", err=True
        )


def _add(file: Path, name: str, line: str) -> None:
    """Append to what is a file of tokens already, or a new one that only its owner reads."""
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        if before.strip():
            known = Tokens.load(file)
            if name in known.names:
                raise TokensError(
                    f"{file} has a token of {name} already: take its line away, or choose another name."
                )
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as stream:
            stream.write(("" if not before or before.endswith("\n") else "\n") + line + "\n")
    except OSError as error:
        raise TokensError(
            f"{file} cannot be written ({error.strerror}); name another with --file."
        ) from error
