"""Remedies: what can be done with a service, declared in the catalogue and carried out by executors."""

from responder.remediate.catalogue import Catalogue, CatalogueError
from responder.remediate.executor import ActionResult, DryRun, Executor, PriorState, StepOutcome, Undoable
from responder.remediate.remedies import Remedies, load_remedies

__all__ = [
    "ActionResult",
    "Catalogue",
    "CatalogueError",
    "DryRun",
    "Executor",
    "PriorState",
    "Remedies",
    "StepOutcome",
    "Undoable",
    "load_remedies",
]
