"""`aegisops runbook` and `aegisops feedback`: what the responder learned, and what humans say of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from aegisops.incidents import IncidentId, Url, Who, ask, say, user
from responder.learn import ExchangedEntry, ExchangedRunbook, FeedbackVerdict

runbook_app = typer.Typer(no_args_is_help=True, help="Shows what was learned, and exchanges it.")
feedback_app = typer.Typer()

EXIT_ANSWER_NO = 1
EXIT_USAGE = 2
_MAX_FAULTS = 10
_PAGE = 500
_MAX_BATCH_CHARS = 1_000_000  # the API takes twice as much


@runbook_app.command("list")
def list_entries(url: Url = None) -> None:
    """Lists what was learned, the surest first."""
    table = Table(
        Column("entry", no_wrap=True),
        "type",
        "incidents",
        "resolved",
        "best action",
        "chance to help (90 %)",
        "from",
    )
    entries = _entries(url)
    for entry in entries:
        best = entry["actions"][0] if entry["actions"] else None
        cells = (
            entry["entry_id"],
            entry["incident_type"],
            len(entry["learned_from_incident_ids"]),
            f"{entry['success_rate']:.0%}",
            best["action"] if best else "",
            _chance(best) if best else "",
            "import" if entry["imported"] else "here",
        )
        table.add_row(*(escape(str(cell)) for cell in cells))
    _show(table)
    say(f"{len(entries)} entries")


@runbook_app.command()
def show(entry_id: Annotated[str, typer.Argument(help="As in the list.")], url: Url = None) -> None:
    """Shows one entry: its patterns, and how likely each action helps, in all and on each service."""
    entry = next((one for one in _entries(url) if one["entry_id"] == entry_id), None)
    if entry is None:
        typer.echo(f"error: there is no entry {entry_id}; `aegisops runbook list` has them", err=True)
        raise typer.Exit(EXIT_ANSWER_NO)
    origin = "imported" if entry["imported"] else "learned here"
    say(f"{entry['entry_id']}  {entry['incident_type']}  {origin}")
    say(f"incidents: {', '.join(entry['learned_from_incident_ids'])}")
    for pattern in entry["patterns"]:
        say(f"  {pattern}")
    table = Table("service", "action", "helped", "chance to help (90 %)")
    for service, actions in [
        ("all", entry["actions"]),
        *((one["service"], one["actions"]) for one in entry["services"]),
    ]:
        for one in actions:
            seen = f"{one['helped']} of {one['seen']}"
            table.add_row(escape(service), one["action"], seen, _chance(one))
    _show(table)


@runbook_app.command("export")
def export_entries(
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output where left out.")] = None,
    url: Url = None,
) -> None:
    """Writes what was learned as JSON, for another responder."""
    text = json.dumps(ask(url, "GET", "/runbook/export"), indent=2)
    if file is None:
        typer.echo(text)
        return
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"cannot write {file} ({error.strerror})") from error
    say(f"written to {file}")


@runbook_app.command("import")
def import_entries(
    file: Annotated[Path, typer.Argument(help="JSON as export writes it, or a bare list of entries.")],
    who: Who = None,
    url: Url = None,
) -> None:
    """Takes in what another responder learned; all of the file or, where an entry cannot be used, nothing."""
    added = known = 0
    params = {"who": who or user()}
    for batch in _batches(_read(file)):
        body = ExchangedRunbook(entries=tuple(batch)).model_dump(mode="json")
        result = ask(url, "POST", "/runbook/import", params=params, json=body)
        added, known = added + result["added"], known + result["known"]
    say(f"{added} entries taken in, {known} known already")


@feedback_app.command()
def feedback(
    incident_id: IncidentId,
    verdict: Annotated[FeedbackVerdict, typer.Argument(help="Was what was done right?")],
    why: Annotated[str, typer.Option(help="Why; it goes to the audit trail.")] = "",
    who: Who = None,
    url: Url = None,
) -> None:
    """Says whether what was done in an ended incident was right; the runbook learns from it."""
    body = {"verdict": verdict.value, "who": who or user(), "why": why}
    taken = ask(url, "POST", f"/incidents/{quote(incident_id, safe='')}/feedback", json=body)
    outcomes = ", ".join(
        f"{one['action']} {'helped' if one['helped'] else 'did not help'}" for one in taken["outcomes"]
    )
    say(f"{taken['incident_id']}: {taken['verdict']} by {taken['who']}; learned: {outcomes or 'no action'}")


def _entries(url: str | None) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    while True:
        page = ask(url, "GET", "/runbook", params={"limit": _PAGE, "offset": len(entries)})
        entries += page["items"]
        if not page["items"] or len(entries) >= page["total"]:
            return entries


def _show(table: Table) -> None:
    """As wide as the terminal is now."""
    Console(highlight=False).print(table)


def _chance(belief: dict[str, Any]) -> str:
    return f"{belief['mean']:.0%} ({belief['low']:.0%} to {belief['high']:.0%})"


def _read(file: Path) -> tuple[ExchangedEntry, ...]:
    """The entries, checked before any is sent. Ends the command where the file cannot be used."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        wrapped = {"entries": document} if isinstance(document, list) else document
        return ExchangedRunbook.model_validate_json(json.dumps(wrapped)).entries
    except OSError as error:
        faults = [f"cannot read {file}: {error.strerror}"]
    except ValidationError as error:
        found = error.errors()
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:_MAX_FAULTS]]
        faults += [f"and {len(found) - _MAX_FAULTS} more"] if len(found) > _MAX_FAULTS else []
    except ValueError as error:
        faults = [f"{file} is not JSON: {error}"]
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    raise typer.Exit(EXIT_USAGE)


def _batches(entries: tuple[ExchangedEntry, ...]) -> Iterator[list[ExchangedEntry]]:
    batch: list[ExchangedEntry] = []
    size = 0
    for entry in entries:
        chars = len(entry.model_dump_json())
        if batch and size + chars > _MAX_BATCH_CHARS:
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += chars
    if batch:
        yield batch
