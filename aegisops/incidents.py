"""`aegisops incidents`: look at incidents, approve and reject, by the responder's API."""

import getpass
import time
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aegisops.errors import StackError
from aegisops.settings import load_settings
from responder.quantity import percent

incidents_app = typer.Typer(no_args_is_help=True, help="Shows incidents, and answers what waits for a human.")

EXIT_ANSWER_NO = 1
_TIMEOUT_S = 10.0

console = Console(highlight=False)

IncidentId = Annotated[str, typer.Argument(help="An incident's id, or an alert's.")]
Why = Annotated[str, typer.Option(help="Why; it goes to the audit trail.")]
Who = Annotated[
    str | None,
    typer.Option(
        help="Who answers; your user name where it is left out. A token says by itself whose it is."
    ),
]
Url = Annotated[
    str | None, typer.Option(help="The responder's address; that of the local stack where it is left out.")
]


@incidents_app.command("list")
def list_incidents(
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 20,
    url: Url = None,
) -> None:
    """Lists incidents, newest first."""
    query = {"limit": str(limit)} | ({} if state is None else {"state": state.upper()})
    page = ask(url, "GET", "/incidents", params=query)
    table = Table("incident", "service", "type", "state", "received")
    for item in page["items"]:
        incident = item["incident"]
        table.add_row(
            *(escape(str(cell)) for cell in (incident["id"], incident["service"], incident["type"])),
            escape(str(item["state"])),
            _moment(item["received_at"]),
        )
    console.print(table)
    console.print(f"{len(page['items'])} of {page['total']}")


@incidents_app.command()
def show(incident_id: IncidentId, url: Url = None) -> None:
    """Shows one incident: what happened, and what it waits for."""
    record = ask(url, "GET", f"/incidents/{quote(incident_id, safe='')}")
    incident = record["incident"]
    say(f"{incident['id']}  {incident['service']}  {incident['type']}  {record['state']}")
    say(incident["summary"])
    if record["diagnosis"] is not None:
        say(_sureness(record["diagnosis"]))
    for event in record["timeline"]:
        say(f"{_moment(event['at'])}  {event['state']:<17}  {event['message']}")
    asked = record["approval"]
    if asked is not None and asked["answer"] is None and record["state"] == "AWAITING_APPROVAL":
        left = max(0.0, asked["expires_at"] - time.time())
        say(f"waits for a human, {left / 60:.0f} min more: {asked['action']} of {asked['target']}")
        say(f"answer: aegisops incidents approve {incident['id']} --why …     or reject")


@incidents_app.command()
def approve(incident_id: IncidentId, why: Why, who: Who = None, url: Url = None) -> None:
    """Agrees to the action that an incident waits for."""
    _answer("approve", incident_id, why, who, url)


@incidents_app.command()
def reject(incident_id: IncidentId, why: Why, who: Who = None, url: Url = None) -> None:
    """Forbids the action that an incident waits for; a human takes it over."""
    _answer("reject", incident_id, why, who, url)


def _answer(verb: str, incident_id: str, why: str, who: str | None, url: str | None) -> None:
    body = {"who": who or user(), "why": why}
    answered = ask(url, "POST", f"/incidents/{quote(incident_id, safe='')}/{verb}", json=body)
    say(f"{answered['action']} of {answered['target']}: {answered['answer']} by {answered['who']}")


def ask(url: str | None, method: str, path: str, **options: Any) -> dict[str, Any]:
    """The answer of the responder. A refusal ends the command with status 1 and the responder's reason."""
    settings = load_settings()
    address = (url or settings.responder_url).rstrip("/")
    try:
        response = httpx.request(
            method,
            address + path,
            headers=settings.authorization,
            timeout=_TIMEOUT_S,
            trust_env=False,
            **options,
        )
        answer: dict[str, Any] = response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise StackError(
            f"no responder answers at {address} ({type(error).__name__}); start one, or name it with --url"
        ) from error
    if response.is_error:
        typer.echo(f"error: {answer.get('detail', response.status_code)}", err=True)
        raise typer.Exit(EXIT_ANSWER_NO)
    return answer


def user() -> str:
    """Who runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # no name for this user id
        raise StackError("your user name is not known here; say who you are with --who") from error


def say(text: str) -> None:
    """Texts of incidents come from telemetry: no markup, nothing that moves the cursor."""
    console.print("".join(c if c.isprintable() else " " for c in text), markup=False, soft_wrap=True)


def _sureness(diagnosis: dict[str, Any]) -> str:
    """What was diagnosed, and whether its confidence is a measured share or belief."""
    share = percent(diagnosis["confidence"])
    meant = f"{share} of such diagnoses were right when it was measured"
    if not diagnosis["calibrated"]:
        meant = f"{share} sure, by belief: not measured for such a diagnosis"
    what = str(diagnosis["incident_type"] if diagnosis["outcome"] == "fault" else diagnosis["outcome"])
    return f"diagnosis: {what.replace('_', ' ')} (by {diagnosis['analyst']}); {meant}"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
