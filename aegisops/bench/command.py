"""`aegisops bench NAME`: a table for people, or one JSON object on standard output."""

from typing import Annotated

import click
import typer
from rich.console import Console

from aegisops.bench.registry import BENCHES, run_bench

bench_app = typer.Typer(no_args_is_help=True, help="Measures the product; figures beside their goals.")


def _add(name: str, about: str) -> None:
    def command(
        as_json: Annotated[
            bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")
        ] = False,
    ) -> None:
        progress = Console(stderr=True, highlight=False)
        result = run_bench(name, lambda line: progress.print(line, style="dim", markup=False))
        if as_json:
            click.echo(result.as_json())
        else:
            result.show(Console(highlight=False))

    bench_app.command(name, help=about)(command)


for _name, _about in BENCHES.items():
    _add(_name, _about)
