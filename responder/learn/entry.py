"""An entry of the runbook: one pattern of incidents, and what helped against it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from detector import IncidentType
from responder.incident_record import ActionKind, PastOutcome


@dataclass(frozen=True, slots=True)
class RunbookEntry:
    """What was learned from incidents of one type with similar evidence.

    `patterns`: masked phrases of the evidence. `common_actions`: actions that helped, the most often
    helpful first. `success_rate`: resolved over resolved and unresolved incidents, 0 where there are
    none. `confidence`: mean of the Beta posterior over the outcomes of actions (`posterior_mean`).
    `resolved`, `unresolved` (escalated or failed), `rejected` (nothing was wrong): counts of incidents.
    `resolution_time_avg_ms`: of the resolved ones, from receipt to resolution; None before the first.
    """

    entry_id: str
    incident_type: IncidentType
    patterns: tuple[str, ...]
    common_actions: tuple[ActionKind, ...]
    resolution_time_avg_ms: float | None
    success_rate: float
    confidence: float
    learned_from_incident_ids: tuple[str, ...]
    outcomes: tuple[PastOutcome, ...]
    services: tuple[str, ...]
    resolved: int
    unresolved: int
    rejected: int
    updated_at: float

    def to_document(self) -> dict[str, Any]:
        """The entry as JSON values."""
        document: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return document

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "RunbookEntry":
        """The entry of `to_document`. Raises pydantic's `ValidationError`."""
        return _ADAPTER.validate_python(document)


_ADAPTER = TypeAdapter(RunbookEntry)


def posterior_mean(successes: int, failures: int, prior_successes: float, prior_failures: float) -> float:
    """(a + s) / (a + b + s + f): mean of Beta(a + s, b + f), the belief in success after s and f were seen.

    >>> posterior_mean(0, 0, 1.0, 1.0), posterior_mean(2, 0, 1.0, 1.0), posterior_mean(2, 4, 1.0, 1.0)
    (0.5, 0.75, 0.375)
    """
    return (prior_successes + successes) / (prior_successes + prior_failures + successes + failures)
