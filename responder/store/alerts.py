"""Alerts of other systems as they come in: new, repeated, resolved, or about a fault that is known.

An alert that fires, is resolved and fires again has two episodes; each belongs to one incident.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from detector import Evidence, Incident, IncidentState, IncidentType, Severity
from responder.incident_record import PipelineState
from responder.store.database import Database
from responder.store.incidents import (
    EVIDENCE,
    INCIDENT,
    UNFINISHED,
    Receipt,
    create_incident,
    find_row,
    incident_columns,
)
from responder.store.schema import ID_LENGTH, alert_episodes, alerts, aliases, incidents
from responder.store.timeline import append_event, order_events
from responder.store.webhook_calls import WebhookCall, claim, refuse_replay

MAX_ALERTS = 50
_AT_ONCE = 50  # in one transaction, as others wait for it
LATE_S = 120.0
STILL_OPEN_S = 3600.0
_SEVERITIES = list(Severity)

_C = incidents.c
_WORKED_ON = and_(UNFINISHED, or_(_C.over.is_(False), _C.detector_id.is_not(None)))
_LEFT_TO_HUMANS = and_(
    _C.state.in_([PipelineState.ESCALATED.value, PipelineState.FAILED.value]),
    _C.over.is_(False),
    _C.updated_at >= bindparam("news_since"),
)
# Alerts are slow, as their rules look back over minutes: what began before an incident was resolved, or soon
# after where telemetry shows that it was, is of that fault. Not so an alert that was resolved with it itself.
_RESOLVED_SINCE = and_(
    _C.state == PipelineState.RESOLVED.value,
    _C.id != bindparam("returned_from"),
    _C.resolved_at >= bindparam("resolved_since"),
    or_(
        _C.resolved_at >= bindparam("began"),
        and_(_C.detector_id.is_not(None), _C.resolved_at >= bindparam("began_late")),
    ),
)
_SAME_FAULT = (
    select(incidents)
    .where(_C.service == bindparam("service"), or_(_WORKED_ON, _LEFT_TO_HUMANS, _RESOLVED_SINCE))
    .order_by(UNFINISHED.desc(), _C.received_at.desc())
    .limit(1)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: `incident` as it would be if nothing else were known of the fault.

    `source` and `key` together say which alert it is, whenever it comes again. `began`: seconds since the
    epoch, None where the sender does not say. `about`: an id under which we may have reported the fault to
    the sender ourselves: it is an echo then, and tells nothing new.
    """

    incident: Incident
    source: str = "simple"
    key: str = ""
    firing: bool = True
    began: float | None = None
    about: str = ""

    @property
    def evidence(self) -> Evidence:
        """What the alert says."""
        return self.incident.evidence[0]

    @property
    def digest(self) -> str:
        """`source` and `key` (the incident's id where there is none) at a fixed length."""
        text = f"{self.source}\0{self.key or self.incident.id}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Alerts:
    """Takes alerts in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def receive(
        self, batch: Sequence[Alert], at: float, call: WebhookCall | None = None
    ) -> list[Receipt | None]:
        """Take in all of them; what became of each, in their order.

        None: it says that a fault is over which was never reported. `call`: the signed call that brought
        them; raises ReplayedError when that came before. It counts as taken in with the last of them: one
        that failed half way may come again, and what was kept of it is known then.
        """
        if call is not None:
            with self._database.read() as tx:
                refuse_replay(tx, call, at)
        receipts: list[Receipt | None] = []
        for start in range(0, max(1, len(batch)), _AT_ONCE):
            part = batch[start : start + _AT_ONCE]
            with self._database.write() as tx:
                if call is not None and start + _AT_ONCE >= len(batch):
                    claim(tx, call, at)
                order_events(tx)  # which also keeps two from creating an incident for one fault
                receipts += [_take(tx, alert, at) for alert in part]
        return receipts

    def receive_one(self, alert: Alert, at: float) -> Receipt | None:
        """Take in one."""
        return self.receive([alert], at)[0]


def _take(tx: Connection, alert: Alert, at: float) -> Receipt | None:
    last = tx.execute(
        select(alert_episodes)
        .where(alert_episodes.c.digest == alert.digest)
        .order_by(alert_episodes.c.number.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        ids = [alert.incident.id, *([alert.about] if alert.about else [])]
        known = next((row for row in (find_row(tx, one, lock=True) for one in ids) if row is not None), None)
        if known is not None:
            return _nothing_new(known)
        return _begin(tx, alert, at, None) if alert.firing else None
    row = find_row(tx, last.incident_id, lock=True)
    assert row is not None  # noqa: S101 - an episode refers to its incident
    if not alert.firing:
        over = last.firing and not _before(alert.began, last.began)
        return _end(tx, alert, last, row, at) if over else _nothing_new(row)
    begins_later = _before(last.began, alert.began)
    if last.firing and not (begins_later and PipelineState(row.state).final):
        return _nothing_new(row)
    if not last.firing and alert.began is not None and not begins_later:
        return _nothing_new(row)  # on its way, it was overtaken by its own end
    return _begin(tx, alert, at, last)


def _before(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other


def _nothing_new(row: Row[Any]) -> Receipt:
    return Receipt(row.id, PipelineState(row.state), created=False, changed=False)


def _begin(tx: Connection, alert: Alert, at: float, last: Row[Any] | None) -> Receipt:
    """A new episode: it joins the incident of its fault, or is a new incident."""
    incident, number = alert.incident, 1
    if last is not None:
        number = last.number + 1
        incident = _again(tx, incident, number, last.incident_id)
    row = _of_same_fault(tx, alert, at, None if last is None or last.firing else last.incident_id)
    listed = 0 if row is None else _count(tx, row.id)
    if row is None:
        receipt = create_incident(tx, incident, "webhook", None, at)
    else:
        receipt = _join(tx, row, incident, at, listed < MAX_ALERTS)
    tx.execute(
        insert(alert_episodes).values(
            digest=alert.digest,
            number=number,
            source=alert.source,
            alert_id=incident.id,
            incident_id=receipt.incident_id,
            firing=True,
            began=alert.began,
            updated_at=at,
        )
    )
    if listed < MAX_ALERTS:
        tx.execute(
            insert(alerts).values(
                id=incident.id,
                incident_id=receipt.incident_id,
                received_at=at,
                evidence=EVIDENCE.dump_python(incident.evidence[0], mode="json"),
            )
        )
    return receipt


def _again(tx: Connection, incident: Incident, number: int, previous_id: str) -> Incident:
    """The incident of a further episode, under an id that is free."""
    while True:
        id_ = f"{incident.id[: ID_LENGTH - 12]}~{number}"
        if find_row(tx, id_) is None:
            evidence = replace(incident.evidence[0], id=f"alert:{id_}")
            return replace(incident, id=id_, evidence=(evidence,), previous_id=previous_id)
        number += 1


def _of_same_fault(tx: Connection, alert: Alert, at: float, returned_from: str | None) -> Row[Any] | None:
    """The incident of the alert's service that its fault belongs to."""
    began = math.inf if alert.began is None else alert.began  # nothing was resolved later than that
    return tx.execute(
        _SAME_FAULT,
        {
            "service": alert.incident.service,
            "news_since": at - STILL_OPEN_S,
            "resolved_since": at - 5 * LATE_S,
            "began": began,
            "began_late": began - LATE_S,
            "returned_from": returned_from or "",
        },
    ).one_or_none()


def _join(tx: Connection, row: Row[Any], incident: Incident, at: float, listed: bool) -> Receipt:
    state = PipelineState(row.state)
    tx.execute(insert(aliases).values(alias=incident.id, incident_id=row.id))
    if listed:
        message = f"Alert {incident.id} attached: {incident.evidence[0].description}"
        append_event(tx, row.id, state, message, key=f"alert:{incident.id}", at=at)
    else:
        message = f"More than {MAX_ALERTS} alerts: further ones are attached without being listed"
        append_event(tx, row.id, state, message, key="alerts:more", at=at)
    values: dict[str, object] = {"revised_at": at, "updated_at": at}
    if row.detector_id is None:
        known = INCIDENT.validate_python(row.document)
        sharpened = _sharpened(known, incident)
        if sharpened != known:
            values |= incident_columns(sharpened)
    tx.execute(update(incidents).where(incidents.c.id == row.id).values(values))
    return Receipt(row.id, state, created=False, changed=True)


def _sharpened(known: Incident, alert: Incident) -> Incident:
    """What only alerts tell of, after one more of them: its type if none was known, the higher severity."""
    if known.type is IncidentType.UNKNOWN and alert.type is not IncidentType.UNKNOWN:
        known = replace(known, type=alert.type, confidence=alert.confidence, candidates=alert.candidates)
    return replace(known, severity=max(known.severity, alert.severity, key=_SEVERITIES.index))


def _end(tx: Connection, alert: Alert, last: Row[Any], row: Row[Any], at: float) -> Receipt:
    """The alert is resolved; what only alerts told of is over with the last of them."""
    state = PipelineState(row.state)
    episode = and_(alert_episodes.c.digest == last.digest, alert_episodes.c.number == last.number)
    tx.execute(update(alert_episodes).where(episode).values(firing=False, updated_at=at))
    values: dict[str, object] = {"revised_at": at, "updated_at": at}
    if tx.execute(select(alerts.c.id).where(alerts.c.id == last.alert_id)).first() is not None:
        message = f"Alert {last.alert_id} is resolved, says {alert.source}"
        append_event(tx, row.id, state, message, key=f"alert resolved:{last.alert_id}", at=at)
    if row.detector_id is None and not row.over and not _any_firing(tx, row.id):
        known = INCIDENT.validate_python(row.document)
        values |= incident_columns(
            replace(
                known, state=IncidentState.CLOSED, closed_at=at, updated_at=at, revision=known.revision + 1
            )
        )
        message = "All its alerts are resolved: the fault is over"
        append_event(tx, row.id, state, message, key="alerts:over", at=at)
    tx.execute(update(incidents).where(incidents.c.id == row.id).values(values))
    return Receipt(row.id, state, created=False, changed=True)


def _any_firing(tx: Connection, incident_id: str) -> bool:
    query = select(alert_episodes.c.digest).where(
        alert_episodes.c.incident_id == incident_id, alert_episodes.c.firing
    )
    return tx.execute(query.limit(1)).first() is not None


def _count(tx: Connection, incident_id: str) -> int:
    query = select(func.count()).select_from(alerts).where(alerts.c.incident_id == incident_id)
    return int(tx.execute(query).scalar_one())
