"""Requests for approval and their answers, in the database: each is asked once and answered once.

What is answered goes to the audit trail in the same transaction.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from responder.audit import AuditKind, append_record
from responder.incident_record import FINAL_STATES, ActionKind, ProposedAction
from responder.store.database import Database
from responder.store.schema import approvals, incidents

MAX_EXPLANATION = 2_000


class Answer(StrEnum):
    """What came of a request. `EXPIRED`: nobody answered in time."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


_AUDITED = {
    Answer.APPROVED: AuditKind.APPROVED,
    Answer.REJECTED: AuditKind.REJECTED,
    Answer.EXPIRED: AuditKind.APPROVAL_EXPIRED,
}


class NotWaitingError(Exception):
    """There is nothing to answer (any more); the message says why."""


@dataclass(frozen=True, slots=True)
class Human:
    """Who answered, why, and by which way (`api`, `link`). `who` is what they say of themselves."""

    who: str
    why: str
    via: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for approval of one action in one attempt, and its answer where there is one.

    `rank`: which of the attempt's proposals. Times are seconds since the epoch; `resumed_at`: when the
    incident was taken up again.
    """

    incident_id: str
    attempt: int
    rank: int
    action: ActionKind
    target: str
    explanation: str
    requested_at: float
    expires_at: float
    answer: Answer | None = None
    who: str = ""
    why: str = ""
    via: str = ""
    answered_at: float | None = None
    resumed_at: float | None = None


class Approvals:
    """All requests, over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(
        self,
        incident_id: str,
        attempt: int,
        rank: int,
        proposal: ProposedAction,
        *,
        explanation: str,
        at: float,
        expires_at: float,
    ) -> Approval:
        """Ask, once for a proposal; answers the request as it stands."""
        with self._database.write() as tx:
            known = _find(tx, incident_id, attempt, rank)
            if known is not None:
                return known
            tx.execute(
                insert(approvals).values(
                    incident_id=incident_id,
                    attempt=attempt,
                    rank=rank,
                    action=proposal.action.value,
                    target=proposal.target,
                    explanation=explanation[:MAX_EXPLANATION],
                    requested_at=at,
                    expires_at=expires_at,
                    who="",
                    why="",
                    via="",
                )
            )
            detail = {
                "attempt": attempt,
                "rank": rank,
                "action": proposal.action.value,
                "target": proposal.target,
                "expires_at": expires_at,
            }
            key = f"{incident_id}:approval:{attempt}.{rank}:requested"
            append_record(tx, AuditKind.APPROVAL_REQUESTED, incident_id, "policy", detail, key=key, at=at)
            asked = _find(tx, incident_id, attempt, rank)
            assert asked is not None  # noqa: S101 - inserted above, in this transaction
            return asked

    def get(self, incident_id: str, attempt: int, rank: int) -> Approval | None:
        """The request for that proposal."""
        with self._database.read() as tx:
            return _find(tx, incident_id, attempt, rank)

    def last(self, incident_id: str) -> Approval | None:
        """The newest request of the incident."""
        with self._database.read() as tx:
            return _last(tx, incident_id)

    def answer(
        self,
        incident_id: str,
        answer: Answer,
        human: Human,
        *,
        at: float,
        attempt: int | None = None,
        action: ActionKind | None = None,
    ) -> Approval:
        """A human's answer to what the incident waits for; its first answer counts.

        `attempt`, `action`: what the human saw, where that is known. Raises `NotWaitingError`.
        """
        with self._database.write() as tx:
            asked = _last(tx, incident_id, lock=True)
            state = tx.execute(select(incidents.c.state).where(incidents.c.id == incident_id)).scalar()
            if asked is None:
                raise NotWaitingError(f"{incident_id} waits for no approval; it is {state}")
            _refuse_unless_waiting(asked, str(state))
            if attempt not in (None, asked.attempt) or action not in (None, asked.action):
                raise NotWaitingError(
                    f"{incident_id} waits for {asked.action} in attempt {asked.attempt}, not for {action} in "
                    f"attempt {attempt}; look at it again"
                )
            return _settle(tx, asked, answer, human, at)

    def expire(self, asked: Approval, at: float) -> Approval:
        """Write down that nobody answered in time, unless somebody did."""
        with self._database.write() as tx:
            now = _find(tx, asked.incident_id, asked.attempt, asked.rank, lock=True)
            if now is None or now.answer is not None:
                return now or asked
            return _settle(tx, now, Answer.EXPIRED, Human("", "", "time"), at)

    def unresumed(self) -> list[tuple[Approval, bool]]:
        """Requests whose incidents were not taken up again, the oldest first, each with whether its fault is
        over by itself."""
        query = (
            select(approvals, incidents.c.over)
            .join(incidents, incidents.c.id == approvals.c.incident_id)
            .where(
                approvals.c.resumed_at.is_(None),
                incidents.c.state.not_in([state.value for state in FINAL_STATES]),
            )
            .order_by(approvals.c.requested_at)
        )
        with self._database.read() as tx:
            return [(_approval(row), bool(row.over)) for row in tx.execute(query)]

    def resumed(self, asked: Approval, at: float) -> None:
        """Write down that the incident was taken up again."""
        mine = _is(asked.incident_id, asked.attempt, asked.rank)
        with self._database.write() as tx:
            tx.execute(update(approvals).where(mine).values(resumed_at=at))


def _refuse_unless_waiting(asked: Approval, state: str) -> None:
    if asked.answer is Answer.EXPIRED:  # as written down: by the clock alone it may only seem so
        raise NotWaitingError(f"{asked.incident_id}: the time to answer has run out, and a human was called")
    if asked.answer is not None:
        raise NotWaitingError(f"{asked.incident_id} was {asked.answer} by {asked.who} already")
    if state in {one.value for one in FINAL_STATES}:
        raise NotWaitingError(f"{asked.incident_id} has ended: it is {state}")


def _settle(tx: Connection, asked: Approval, answer: Answer, human: Human, at: float) -> Approval:
    mine = _is(asked.incident_id, asked.attempt, asked.rank)
    tx.execute(
        update(approvals)
        .where(mine)
        .values(answer=answer.value, who=human.who, why=human.why, via=human.via, answered_at=at)
    )
    detail = {
        "attempt": asked.attempt,
        "rank": asked.rank,
        "action": asked.action.value,
        "target": asked.target,
        "why": human.why,
        "via": human.via,
    }
    key = f"{asked.incident_id}:approval:{asked.attempt}.{asked.rank}:answered"
    append_record(tx, _AUDITED[answer], asked.incident_id, human.who or "policy", detail, key=key, at=at)
    settled = _find(tx, asked.incident_id, asked.attempt, asked.rank)
    assert settled is not None  # noqa: S101 - updated above, in this transaction
    return settled


def _find(tx: Connection, incident_id: str, attempt: int, rank: int, lock: bool = False) -> Approval | None:
    query = select(approvals).where(_is(incident_id, attempt, rank))
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _approval(row)


def _last(tx: Connection, incident_id: str, lock: bool = False) -> Approval | None:
    query = (
        select(approvals)
        .where(approvals.c.incident_id == incident_id)
        .order_by(approvals.c.attempt.desc(), approvals.c.rank.desc())
        .limit(1)
    )
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _approval(row)


def _is(incident_id: str, attempt: int, rank: int) -> Any:
    return and_(
        approvals.c.incident_id == incident_id, approvals.c.attempt == attempt, approvals.c.rank == rank
    )


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        incident_id=row.incident_id,
        attempt=row.attempt,
        rank=row.rank,
        action=ActionKind(row.action),
        target=row.target,
        explanation=row.explanation,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        answer=None if row.answer is None else Answer(row.answer),
        who=row.who,
        why=row.why,
        via=row.via,
        answered_at=row.answered_at,
        resumed_at=row.resumed_at,
    )
