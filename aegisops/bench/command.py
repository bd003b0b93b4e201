"""`aegisops bench NAME`: a table for people, or one JSON object on standard output."""

from collections.abc import Callable
from typing import Annotated

import click
import typer
from rich.console import Console

from aegisops.bench.bench_database import BenchDatabaseError
from aegisops.bench.registry import BENCHES, SHARED_CRASH, Say, run_bench
from aegisops.bench.result import BenchResult

bench_app = typer.Typer(no_args_is_help=True, help="Measures the product; figures beside their goals.")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="An empty PostgreSQL database to work in, instead of SQLite.", show_default=False),
]


def _print(bench: Callable[[Say], BenchResult], as_json: bool) -> None:
    progress = Console(stderr=True, highlight=False)
    try:
        result = bench(lambda line: progress.print(line, style="dim", markup=False))
    except BenchDatabaseError as error:
        raise typer.BadParameter(str(error), param_hint="--database-url") from error
    if as_json:
        click.echo(result.as_json())
    else:
        result.show(Console(highlight=False))


def _add(name: str) -> None:
    def command(as_json: AsJson = False) -> None:
        _print(lambda say: run_bench(name, say), as_json)

    bench_app.command(name, help=BENCHES[name])(command)


for _name in BENCHES:
    if _name not in ("crash", "storm", "delivery", "hostile"):
        _add(_name)


@bench_app.command(help=BENCHES["storm"])
def storm(database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Ten thousand alerts of twenty causes."""
    _print(lambda say: run_bench("storm", say, database_url=database_url), as_json)


@bench_app.command(help=BENCHES["delivery"])
def delivery(
    points: Annotated[int, typer.Option(min=20_000, max=100_000_000, help="How many are sent.")] = 1_000_000,
    kills: Annotated[int, typer.Option(min=0, max=100, help="How often the detector is killed.")] = 3,
    collector_kills: Annotated[
        int, typer.Option(min=0, max=100, help="How often the Collector is, which is another promise.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """A million points through the real Collector, counted at both ends."""
    options = {"points": points, "kills": kills, "collector_kills": collector_kills}
    _print(lambda say: run_bench("delivery", say, **options), as_json)


@bench_app.command(help=BENCHES["hostile"])
def hostile(
    inputs: Annotated[int, typer.Option(min=1, max=100_000_000, help="How many are sent.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="Of what is sent.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Requests that nobody honest would send, with honest ones in between."""
    _print(lambda say: run_bench("hostile", say, inputs=inputs, seed=seed), as_json)


@bench_app.command(help=BENCHES["crash"])
def crash(
    database_url: DatabaseUrl = None,
    *,
    rounds: Annotated[int, typer.Option(min=1, help="How often it is killed in each state.")] = 20,
    responders: Annotated[
        int, typer.Option(min=1, help="Two and more share --database-url and are killed at random times.")
    ] = 1,
    incidents: Annotated[int, typer.Option(min=1, max=1_000, help="How many these work off.")] = 500,
    kills: Annotated[int, typer.Option(min=0, help="How often one of them is killed.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Of the times, and of who is killed.")] = 1,
    as_json: AsJson = False,
) -> None:
    """One responder killed in every state, or several at random times."""
    if responders == 1:
        _print(lambda say: run_bench("crash", say, database_url=database_url, rounds=rounds), as_json)
        return
    if database_url is None:
        raise typer.BadParameter("several responders share a database: name it", param_hint="--database-url")
    options = {"responders": responders, "incidents": incidents, "kills": kills, "seed": seed}
    _print(lambda say: run_bench(SHARED_CRASH, say, database_url=database_url, **options), as_json)
