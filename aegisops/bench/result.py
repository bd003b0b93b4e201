"""What a bench answers: figures, each beside its goal, and tables that explain them."""

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from rich.console import Console
from rich.table import Table

Value = int | float | str


class Bound(StrEnum):
    """How a figure is held to its goal."""

    AT_LEAST = ">="
    AT_MOST = "<="


_COMPARE: dict[Bound, Callable[[float, float], bool]] = {
    Bound.AT_LEAST: operator.ge,
    Bound.AT_MOST: operator.le,
}


@dataclass(frozen=True, slots=True)
class Goal:
    """The bound a figure has to keep."""

    bound: Bound
    value: float

    def __str__(self) -> str:
        return f"{self.bound} {self.value:g}"

    def met(self, figure: float) -> bool:
        """Whether `figure` keeps it, unrounded; not a number does not."""
        return _COMPARE[self.bound](figure, self.value)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, with a goal where there is one."""

    name: str
    value: int | float
    goal: Goal | None = None
    about: str = ""

    @property
    def shown(self) -> int | float:
        """The number as printed: four decimals, and never rounded on to its goal."""
        if isinstance(self.value, int):
            return self.value
        rounded = round(self.value, 4)
        missed = self.goal is not None and not self.goal.met(self.value) and self.goal.met(rounded)
        return self.value if missed else rounded


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that explains the figures; one row, one tuple in the order of `columns`."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class BenchResult:
    """All that one bench measured."""

    bench: str
    figures: tuple[Figure, ...]
    tables: tuple[Rows, ...] = field(default=())

    def as_json(self) -> str:
        """One JSON object: every figure by its name, the goals, and the tables as lists of objects."""
        out: dict[str, object] = {"bench": self.bench}
        out |= {figure.name: figure.shown for figure in self.figures}
        out["goals"] = {
            figure.name: {"goal": str(figure.goal), "met": figure.goal.met(figure.value)}
            for figure in self.figures
            if figure.goal is not None
        }
        for table in self.tables:
            out[table.name] = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        return json.dumps(out, ensure_ascii=True, allow_nan=False)

    def show(self, console: Console) -> None:
        """The same for people."""
        summary = Table("figure", "value", "goal", "", "about", title=f"bench {self.bench}")
        for figure in self.figures:
            goal = figure.goal
            verdict = "" if goal is None else "met" if goal.met(figure.value) else "NOT met"
            summary.add_row(figure.name, str(figure.shown), str(goal or ""), verdict, figure.about)
        console.print(summary)
        for rows in self.tables:
            if not rows.rows:
                continue
            table = Table(title=rows.name.replace("_", " "))
            for column in rows.columns:
                table.add_column(column, overflow="fold")
            for row in rows.rows:
                table.add_row(*(str(cell) for cell in row))
            console.print(table)
