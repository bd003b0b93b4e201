"""What all steps share: reading an incident with all that belongs to it, and writing down what happened."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from detector.hosting.trace_context import in_trace
from responder.approval import Approvals
from responder.audit import AuditKind, AuditTrail
from responder.incident_record import ActionRecord, Case, CouncilDecision, Diagnosis, PipelineState
from responder.pipeline.rooms import Rooms
from responder.store import IncidentRow, Store
from responder.telemetry import PipelineMetrics, Stages, moved_event

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StepsConfig:
    """`settle_s`: how long evidence may gather before the diagnosis; shorter when the incident's type has at
    least `sure` confidence and nothing new came for `quiet_s`, an export interval and a little more, so that
    the type has outlived one further sample. `patience_s`: how long after its receipt an incident without
    enough evidence waits for more, before a human is called. `recent_s`: how far back the council sees what
    was done to the same target."""

    settle_s: float = 2.5
    sure: float = 0.8
    quiet_s: float = 1.2
    patience_s: float = 8.0
    recent_s: float = 3600.0
    max_recent: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFiles:
    """The store with the rooms and the telemetry beside it. `clock` gives seconds since the epoch."""

    config: StepsConfig
    store: Store
    rooms: Rooms
    stages: Stages
    metrics: PipelineMetrics
    clock: Callable[[], float]
    approvals: Approvals
    trail: AuditTrail

    def row(self, incident_id: str) -> IncidentRow:
        """The incident as it is stored now."""
        row = self.store.incidents.get(incident_id)
        if row is None:
            raise LookupError(f"no incident {incident_id}")
        return row

    def case(self, row: IncidentRow) -> Case:
        """All that analyst and council may know about it."""
        incident, config = row.incident, self.config
        return Case(
            incident=incident,
            allowed=self.rooms.policy.allowed(incident, self.rooms.remedies.allowed(incident.service)),
            tried=self.store.journal.actions(incident.id),
            recent=self.store.journal.recent_actions(
                incident.service, incident.id, self.clock() - config.recent_s, config.max_recent
            ),
            matches=self.rooms.runbook.matches(incident),
            experience=self.rooms.runbook.experience(incident),
        )

    def diagnosis(self, incident_id: str, attempt: int) -> Diagnosis:
        """The diagnosis that was made before the attempt."""
        diagnosis = self.store.journal.diagnosis(incident_id, attempt)
        if diagnosis is None:
            raise LookupError(f"no diagnosis {attempt} of {incident_id}")
        return diagnosis

    def decision(self, incident_id: str, attempt: int, rank: int) -> CouncilDecision:
        """The council's decision on the proposal of that rank, which was made."""
        decision = self.store.journal.decision(incident_id, attempt, rank)
        if decision is None:
            raise LookupError(f"no decision {attempt}.{rank} of {incident_id}")
        return decision

    def action(self, incident_id: str, attempt: int) -> ActionRecord:
        """The action of the attempt, which has begun."""
        return next(one for one in self.store.journal.actions(incident_id) if one.attempt == attempt)

    def move(self, row: IncidentRow, state: PipelineState, message: str, key: str) -> None:
        """Put the incident into `state`, once for a `key`."""
        now = self.clock()
        move = self.store.timeline.move(row.incident.id, state, message, key=key, at=now)
        if move is None:
            return
        event = None
        if move.before is not move.after:
            self.metrics.moved(row.incident, move.before, move.seconds)
            known = self.store.journal.latest_diagnosis(row.incident.id)
            root_cause = "" if known is None else known.root_cause
            event = moved_event(row.incident, move.before, state, root_cause)
        if state.final:
            self.metrics.ended(state, row.incident, row.received_at, now)
        with in_trace(row.incident.traceparent):
            _LOG.info("%s %s: %s", row.incident.id, state, message, extra=event)

    def audit(
        self, kind: AuditKind, row: IncidentRow, actor: str, detail: Mapping[str, Any], *, key: str
    ) -> None:
        """Write to the audit trail, once for a `key` of this incident."""
        incident_id = row.incident.id
        self.trail.append(kind, incident_id, actor, detail, key=f"{incident_id}:{key}")

    def note(self, row: IncidentRow, message: str, key: str) -> None:
        """Add to the timeline without a change of state, once for a `key`."""
        self.store.timeline.note(row.incident.id, message, key=key, at=self.clock())
        with in_trace(row.incident.traceparent):
            _LOG.info("%s: %s", row.incident.id, message)
