"""How many instances of a service an action touches at once."""

from typing import Protocol

from responder.deliberate.effects import Effects
from responder.incident_record import ActionKind


class Reach(Protocol):
    """Tells how far an action reaches."""

    def touches(self, service: str, action: ActionKind) -> int | None:
        """Instances interrupted at the same time; None: cannot be told, so perhaps all."""
        ...


class Steps(Protocol):
    """What the catalogue knows of an action's reach."""

    def at_once(self, service: str, action: ActionKind) -> int | None:
        """Instances its steps touch at the same time; None where a step cannot tell."""
        ...


class CatalogueReach:
    """By the steps of the catalogue; an action that by its nature interrupts nothing touches none."""

    def __init__(self, steps: Steps, effects: Effects) -> None:
        self._steps = steps
        self._interrupting = frozenset(a for a, effect in effects.actions.items() if effect.interrupts)

    def touches(self, service: str, action: ActionKind) -> int | None:
        """Instances interrupted at the same time; None: cannot be told."""
        return self._steps.at_once(service, action) if action in self._interrupting else 0
