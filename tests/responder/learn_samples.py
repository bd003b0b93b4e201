"""Incidents that ended, and a store that keeps rows as text, for the tests of learning."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from decision_samples import NOW, evidence, incident, log_evidence

from detector import Incident, IncidentType
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    IncidentRecord,
    PipelineState,
    VerificationOutcome,
)

HELPED = VerificationOutcome.RECOVERED
IN_VAIN = VerificationOutcome.NOT_RECOVERED


class KeptRows:
    """Keeps documents as JSON text, as a database would."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.at: dict[str, float] = {}

    def versions(self) -> dict[str, float]:
        return dict(self.at)

    def load(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        return {row_id: json.loads(self.rows[row_id]) for row_id in ids}

    def put(
        self,
        documents: Mapping[str, Mapping[str, Any]],
        at: float,
        *,
        without: Iterable[str] = (),
        also: Callable[[Any], object] | None = None,
    ) -> None:
        for row_id in without:
            del self.rows[row_id], self.at[row_id]
        self.rows.update((row_id, json.dumps(document)) for row_id, document in documents.items())
        self.at.update(dict.fromkeys(documents, at))
        if also is not None:
            also(None)


def leak(number: int = 1, service: str = "shop") -> Incident:
    pieces = (
        evidence("memory", 1),
        evidence("server_latency", 2),
        log_evidence(f"MemoryError in worker {number}"),
    )
    return replace(incident(IncidentType.MEMORY_OOM, *pieces, service=service), id=f"INC-{number}")


def full_disk(number: int = 1) -> Incident:
    pieces = (evidence("disk", 1), log_evidence("OSError: No space left on device"))
    return replace(incident(IncidentType.DISK_SPACE, *pieces), id=f"INC-{number}")


def action(
    kind: ActionKind,
    verification: VerificationOutcome | None,
    outcome: ActionOutcome = ActionOutcome.SUCCEEDED,
) -> ActionRecord:
    return ActionRecord(1, kind, "shop", outcome, "", NOW, NOW, verification=verification)


def ended(
    of: Incident, *actions: ActionRecord, state: PipelineState = PipelineState.RESOLVED, took_s: float = 10.0
) -> IncidentRecord:
    resolved_at = NOW + took_s if state is PipelineState.RESOLVED else None
    return IncidentRecord(of, state, NOW, NOW + took_s, "detector", actions=actions, resolved_at=resolved_at)


def restart_helped(number: int = 1, service: str = "shop") -> IncidentRecord:
    return ended(leak(number, service), action(ActionKind.RESTART, HELPED))


def restart_failed(number: int = 1, service: str = "shop") -> IncidentRecord:
    """The usual remedy did not help, the next one did."""
    tried = (action(ActionKind.RESTART, IN_VAIN), action(ActionKind.SCALE_UP, HELPED))
    return ended(leak(number, service), *tried)
