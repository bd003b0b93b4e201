"""Commands whose code is imported when they are called, so that no other command has to wait for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True)
class Deferred:
    """A command elsewhere. `where`: `module:name` of its Typer application; `help`: its line in the list."""

    where: str
    help: str

    def load(self) -> Any:
        """The command itself."""
        module, name = self.where.split(":")
        return get_command(getattr(import_module(module), name))


class DeferringGroup(TyperGroup):
    """A group with `deferred` commands, by name, besides its own."""

    deferred: ClassVar[Mapping[str, Deferred]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, deferred in self.deferred.items():
            self.add_command(_Listed(name, deferred))


class _Listed(TyperCommand):
    """A deferred command as it stands in the list; it becomes itself when it is called."""

    def __init__(self, name: str, deferred: Deferred) -> None:
        super().__init__(name, help=deferred.help)
        self._deferred = deferred

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> typer.Context:
        """The context of the command itself: whatever is done in it, that command does."""
        context: typer.Context = self._deferred.load().make_context(info_name, args, parent, **extra)
        return context
