"""What was concluded, decided and done: diagnoses, council decisions, actions and their steps.

Every write is made at most once for its key (incident, attempt, …), so that a pipeline step that runs
again after a crash finds what it wrote and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, Select, and_, insert, select, update

from detector import IncidentType
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    CouncilDecision,
    Diagnosis,
    ProposedAction,
    VerificationOutcome,
)
from responder.store.database import Database
from responder.store.lease import TakenOverError, require_instance
from responder.store.schema import action_steps, actions, decisions, diagnoses, incidents

DIAGNOSIS = TypeAdapter(Diagnosis)
DECISION = TypeAdapter(CouncilDecision)
MAX_DETAIL = 2_000


@dataclass(frozen=True, slots=True)
class StepRef:
    """Which step of which attempt of which incident, all counted as in the journal (`step` from 0)."""

    incident_id: str
    attempt: int
    step: int

    @property
    def key(self) -> str:
        """The idempotency key: the same for every try of this step, different for any other."""
        return f"{self.incident_id}:{self.attempt}:{self.step}"


@dataclass(frozen=True, slots=True)
class ActionStep:
    """One step of an action as the journal has it; `STARTED` means: begun, and no outcome is known."""

    outcome: ActionOutcome
    detail: str
    prior: Mapping[str, str]
    begun_by: str | None
    started_at: float


class Journal:
    """The written memory of the pipeline."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_diagnosis(self, incident_id: str, attempt: int, diagnosis: Diagnosis) -> None:
        """Keep the diagnosis before attempt `attempt`; one made again takes the place of the first."""
        key = (diagnoses.c.incident_id == incident_id, diagnoses.c.attempt == attempt)
        document = DIAGNOSIS.dump_python(diagnosis, mode="json")
        with self._database.write() as tx:
            if tx.execute(update(diagnoses).where(*key).values(document=document)).rowcount == 0:
                tx.execute(
                    insert(diagnoses).values(incident_id=incident_id, attempt=attempt, document=document)
                )

    def diagnosis(self, incident_id: str, attempt: int) -> Diagnosis | None:
        """The diagnosis before attempt `attempt`."""
        query = select(diagnoses.c.document).where(
            diagnoses.c.incident_id == incident_id, diagnoses.c.attempt == attempt
        )
        with self._database.read() as tx:
            document = tx.execute(query).scalar_one_or_none()
        return None if document is None else DIAGNOSIS.validate_python(document)

    def latest_diagnosis(self, incident_id: str) -> Diagnosis | None:
        """The last diagnosis that was made."""
        query = select(diagnoses.c.document).where(diagnoses.c.incident_id == incident_id)
        with self._database.read() as tx:
            document = tx.execute(query.order_by(diagnoses.c.attempt.desc()).limit(1)).scalar_one_or_none()
        return None if document is None else DIAGNOSIS.validate_python(document)

    def save_decision(self, incident_id: str, rank: int, decision: CouncilDecision) -> None:
        """Keep the council's decision on the proposal of that rank; a second one is not kept."""
        key = (
            decisions.c.incident_id == incident_id,
            decisions.c.attempt == decision.attempt,
            decisions.c.rank == rank,
        )
        with self._database.write() as tx:
            if tx.execute(select(decisions.c.rank).where(*key)).first() is None:
                tx.execute(
                    insert(decisions).values(
                        incident_id=incident_id,
                        attempt=decision.attempt,
                        rank=rank,
                        document=DECISION.dump_python(decision, mode="json"),
                    )
                )

    def decision(self, incident_id: str, attempt: int, rank: int) -> CouncilDecision | None:
        """The council's decision on the proposal of that rank, if it has been made."""
        query = select(decisions.c.document).where(
            decisions.c.incident_id == incident_id,
            decisions.c.attempt == attempt,
            decisions.c.rank == rank,
        )
        with self._database.read() as tx:
            document = tx.execute(query).scalar_one_or_none()
        return None if document is None else DECISION.validate_python(document)

    def begin_action(
        self, incident_id: str, attempt: int, proposal: ProposedAction, *, risky: bool, at: float
    ) -> None:
        """Write down that an approved action begins."""
        key = (actions.c.incident_id == incident_id, actions.c.attempt == attempt)
        with self._database.write() as tx:
            if tx.execute(select(actions.c.attempt).where(*key)).first() is None:
                tx.execute(
                    insert(actions).values(
                        incident_id=incident_id,
                        attempt=attempt,
                        action=proposal.action.value,
                        target=proposal.target,
                        outcome=ActionOutcome.STARTED.value,
                        detail="",
                        started_at=at,
                        risky=risky,
                        verification_detail="",
                    )
                )

    def end_action(
        self, incident_id: str, attempt: int, outcome: ActionOutcome, detail: str, *, at: float
    ) -> None:
        """Write down what became of an action; its first end counts."""
        with self._database.write() as tx:
            tx.execute(
                update(actions)
                .where(
                    actions.c.incident_id == incident_id,
                    actions.c.attempt == attempt,
                    actions.c.ended_at.is_(None),
                )
                .values(outcome=outcome.value, detail=detail[:MAX_DETAIL], ended_at=at)
            )

    def save_verification(
        self, incident_id: str, attempt: int, outcome: VerificationOutcome, detail: str
    ) -> None:
        """Write down whether telemetry showed that the action helped."""
        with self._database.write() as tx:
            tx.execute(
                update(actions)
                .where(actions.c.incident_id == incident_id, actions.c.attempt == attempt)
                .values(verification=outcome.value, verification_detail=detail[:MAX_DETAIL])
            )

    def begin_undo(self, incident_id: str, attempt: int, by: str) -> None:
        """Write down that the responder `by` takes an action back. Raises TakenOverError."""
        with self._database.write() as tx:
            require_instance(tx, by)
            tx.execute(
                update(actions)
                .where(actions.c.incident_id == incident_id, actions.c.attempt == attempt)
                .where(actions.c.undo.is_(None))
                .values(undo=ActionOutcome.STARTED.value)
            )

    def end_undo(self, incident_id: str, attempt: int, outcome: ActionOutcome, detail: str) -> None:
        """Write down what came of taking an action back; its first end counts."""
        with self._database.write() as tx:
            tx.execute(
                update(actions)
                .where(actions.c.incident_id == incident_id, actions.c.attempt == attempt)
                .where(actions.c.undo == ActionOutcome.STARTED.value)
                .values(undo=outcome.value, undo_detail=detail[:MAX_DETAIL])
            )

    def actions(self, incident_id: str) -> tuple[ActionRecord, ...]:
        """All that was done in this incident, in order."""
        with self._database.read() as tx:
            return tuple(action_record(row) for row in tx.execute(actions_of(incident_id)))

    def recent_actions(self, target: str, besides: str, since: float, limit: int) -> tuple[ActionRecord, ...]:
        """Actions on `target` by other incidents than `besides` since then, newest first."""
        query = (
            _ACTIONS.where(
                actions.c.target == target,
                actions.c.incident_id != besides,
                actions.c.started_at >= since,
            )
            .order_by(actions.c.started_at.desc())
            .limit(limit)
        )
        with self._database.read() as tx:
            return tuple(action_record(row) for row in tx.execute(query))

    def begin_step(self, ref: StepRef, prior: Mapping[str, str], by: str, at: float) -> ActionStep | None:
        """Write down that the responder `by` begins a step; answers what stood there before, None when
        nothing did. Raises TakenOverError."""
        with self._database.write() as tx:
            require_instance(tx, by)
            row = tx.execute(select(action_steps).where(_is(ref))).one_or_none()
            if row is not None:
                return _action_step(row)
            tx.execute(
                insert(action_steps).values(
                    incident_id=ref.incident_id,
                    attempt=ref.attempt,
                    step=ref.step,
                    key=ref.key,
                    prior=dict(prior),
                    outcome=ActionOutcome.STARTED.value,
                    detail="",
                    started_at=at,
                    begun_by=by,
                )
            )
        return None

    def begin_step_again(self, ref: StepRef, before: ActionStep, by: str, at: float) -> None:
        """Write down that `by` finishes a step that was begun `before`. Raises TakenOverError, also where
        somebody else does already."""
        mine = (
            _is(ref),
            action_steps.c.begun_by.is_not_distinct_from(before.begun_by),
            action_steps.c.started_at == before.started_at,
            action_steps.c.outcome == ActionOutcome.STARTED.value,
        )
        with self._database.write() as tx:
            require_instance(tx, by)
            changed = tx.execute(
                update(action_steps).where(*mine).values(begun_by=by, started_at=at)
            ).rowcount
        if changed == 0:
            raise TakenOverError(f"step {ref.key} is being finished by another responder")

    def step(self, ref: StepRef) -> ActionStep | None:
        """The step, if it was begun."""
        with self._database.read() as tx:
            row = tx.execute(select(action_steps).where(_is(ref))).one_or_none()
            return None if row is None else _action_step(row)

    def end_step(self, ref: StepRef, outcome: ActionOutcome, detail: str, at: float) -> None:
        """Write down what became of a step; its first end counts."""
        with self._database.write() as tx:
            tx.execute(
                update(action_steps)
                .where(_is(ref), action_steps.c.ended_at.is_(None))
                .values(outcome=outcome.value, detail=detail[:MAX_DETAIL], ended_at=at)
            )

    def steps(self, incident_id: str, attempt: int) -> tuple[ActionStep, ...]:
        """The steps of one attempt that were begun, in order."""
        query = (
            select(action_steps)
            .where(action_steps.c.incident_id == incident_id, action_steps.c.attempt == attempt)
            .order_by(action_steps.c.step)
        )
        with self._database.read() as tx:
            return tuple(_action_step(row) for row in tx.execute(query))


_ACTIONS = select(actions, incidents.c.type.label("incident_type")).join(
    incidents, incidents.c.id == actions.c.incident_id
)


def actions_of(incident_id: str) -> Select[tuple[object, ...]]:
    """Asks for the actions of one incident, in order; each row for `action_record`."""
    return _ACTIONS.where(actions.c.incident_id == incident_id).order_by(actions.c.attempt)


def action_record(row: Row[tuple[object, ...]]) -> ActionRecord:
    """The action of a table row."""
    return ActionRecord(
        attempt=row.attempt,
        action=ActionKind(row.action),
        target=row.target,
        outcome=ActionOutcome(row.outcome),
        detail=row.detail,
        started_at=row.started_at,
        ended_at=row.ended_at,
        risky=row.risky,
        verification=None if row.verification is None else VerificationOutcome(row.verification),
        verification_detail=row.verification_detail,
        incident_type=IncidentType(row.incident_type),
        undo=None if row.undo is None else ActionOutcome(row.undo),
        undo_detail=row.undo_detail or "",
    )


def _action_step(row: Row[Any]) -> ActionStep:
    return ActionStep(ActionOutcome(row.outcome), row.detail, row.prior, row.begun_by, row.started_at)


def _is(ref: StepRef) -> ColumnElement[bool]:
    return and_(
        action_steps.c.incident_id == ref.incident_id,
        action_steps.c.attempt == ref.attempt,
        action_steps.c.step == ref.step,
    )
