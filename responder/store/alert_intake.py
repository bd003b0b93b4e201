"""What becomes of each alert: a new incident, part of one that is known, its end, or nothing new.

Alerts of one transaction share what it has read, and what it has to write is written together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from detector import Incident, IncidentState, IncidentType, Severity
from responder.incident_record import PipelineState
from responder.store.alert import Alert
from responder.store.incidents import (
    EVIDENCE,
    INCIDENT,
    UNFINISHED,
    Receipt,
    create_incident,
    find_row,
    incident_columns,
)
from responder.store.schema import ID_LENGTH, alert_episodes, alerts, aliases, incidents, timeline
from responder.store.timeline import MAX_MESSAGE

MAX_ALERTS = 50
LATE_S = 120.0
STILL_OPEN_S = 3600.0
_SEVERITIES = list(Severity)
_LEFT_TO_HUMANS = (PipelineState.ESCALATED.value, PipelineState.FAILED.value)
_MORE = "alerts:more"
_OVER = "alerts:over"

_C = incidents.c
_OF_SERVICE = (
    select(incidents)
    .where(
        _C.service == bindparam("service"),
        or_(
            UNFINISHED,
            and_(_C.state.in_(_LEFT_TO_HUMANS), _C.updated_at >= bindparam("news_since")),
            and_(_C.state == PipelineState.RESOLVED.value, _C.resolved_at >= bindparam("resolved_since")),
        ),
    )
    .order_by(UNFINISHED.desc(), _C.received_at.desc())
    .with_for_update()
)
_LISTED = select(func.count()).where(alerts.c.incident_id == bindparam("incident_id"))
_FIRING = select(func.count()).where(
    alert_episodes.c.incident_id == bindparam("incident_id"), alert_episodes.c.firing
)
_LAST_SEQ = select(func.coalesce(func.max(timeline.c.seq), 0)).where(
    timeline.c.incident_id == bindparam("incident_id")
)
_SAID = select(timeline.c.key).where(
    timeline.c.incident_id == bindparam("incident_id"), timeline.c.key.in_((_MORE, _OVER))
)
_IS_LISTED = select(alerts.c.id).where(alerts.c.id == bindparam("id"))
_END_EPISODE = (
    update(alert_episodes)
    .where(
        alert_episodes.c.digest == bindparam("of_digest"), alert_episodes.c.number == bindparam("of_number")
    )
    .values(firing=False, updated_at=bindparam("at"))
)


@dataclass(slots=True)
class _Held:
    """An incident that the transaction holds. `listed`, `firing`, `seq` and `said` are read when needed."""

    id: str
    state: PipelineState
    detector_id: str | None
    over: bool
    updated_at: float
    resolved_at: float | None
    incident: Incident
    listed: int = -1
    firing: int = -1
    seq: int = -1
    said: set[str] = field(default_factory=set)
    changes: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class _Episode:
    """The last episode of an alert. `row`: as it is to be written, where it is not yet."""

    digest: str
    number: int
    alert_id: str
    incident_id: str
    firing: bool
    began: float | None
    row: dict[str, object] | None = None


class AlertIntake:
    """Takes in alerts within `tx`, which began with `order_events`, at `at` (seconds since the epoch)."""

    def __init__(self, tx: Connection, at: float) -> None:
        self._tx = tx
        self._at = at
        self._held: dict[str, _Held] = {}
        self._named: dict[str, str | None] = {}
        self._of_service: dict[str, list[_Held]] = {}
        self._episodes: dict[str, _Episode] = {}
        self._new_aliases: list[dict[str, object]] = []
        self._new_episodes: list[dict[str, object]] = []
        self._new_alerts: list[dict[str, object]] = []
        self._new_events: list[dict[str, object]] = []
        self._ended: list[dict[str, object]] = []

    def take(self, batch: Sequence[Alert]) -> list[Receipt | None]:
        """What became of each; None: it says that a fault is over which was never reported."""
        self._read_episodes(batch)
        self._read_incidents(batch)
        receipts = [self._take(alert) for alert in batch]
        self._write()
        return receipts

    def _read_episodes(self, batch: Sequence[Alert]) -> None:
        query = select(alert_episodes).where(alert_episodes.c.digest.in_([one.digest for one in batch]))
        for row in self._tx.execute(query.order_by(alert_episodes.c.number)):
            self._episodes[row.digest] = _Episode(
                row.digest, row.number, row.alert_id, row.incident_id, row.firing, row.began
            )

    def _read_incidents(self, batch: Sequence[Alert]) -> None:
        """Those of the last episodes, and those that go by an id an alert without one has."""
        new = [one for one in batch if one.digest not in self._episodes]
        names = {name for one in new for name in (one.incident.id, one.about) if name}
        self._named = dict.fromkeys(names)
        for row in self._tx.execute(select(aliases).where(aliases.c.alias.in_(names))):
            self._named[row.alias] = row.incident_id
        ids = {
            *names,
            *(one.incident_id for one in self._episodes.values()),
            *filter(None, self._named.values()),
        }
        for row in self._tx.execute(select(incidents).where(_C.id.in_(ids)).with_for_update()):
            self._hold(row)

    def _take(self, alert: Alert) -> Receipt | None:
        last = self._episodes.get(alert.digest)
        if last is None:
            named = (self._find(one) for one in (alert.incident.id, alert.about) if one)
            known = next((one for one in named if one is not None), None)
            if known is not None:
                return _receipt(known, changed=False)
            return self._begin(alert, None) if alert.firing else None
        held = self._find(last.incident_id)
        assert held is not None  # noqa: S101 - an episode refers to its incident
        if not alert.firing:
            over = last.firing and not _before(alert.began, last.began)
            return self._end(alert, last, held) if over else _receipt(held, changed=False)
        begins_later = _before(last.began, alert.began)
        if last.firing and not (begins_later and held.state.final):
            return _receipt(held, changed=False)
        if not last.firing and alert.began is not None and not begins_later:
            return _receipt(held, changed=False)  # on its way, it was overtaken by its own end
        return self._begin(alert, last)

    def _find(self, name: str) -> _Held | None:
        """The incident by its id or by any id it was reported under."""
        if name not in self._named:
            row = find_row(self._tx, name, lock=True)
            self._named[name] = None if row is None else self._hold(row).id
        incident_id = self._named[name]
        return None if incident_id is None else self._held[incident_id]

    def _hold(self, row: Row[Any]) -> _Held:
        if row.id not in self._held:
            self._named[row.id] = row.id
            self._held[row.id] = _Held(
                id=row.id,
                state=PipelineState(row.state),
                detector_id=row.detector_id,
                over=row.over,
                updated_at=row.updated_at,
                resolved_at=row.resolved_at,
                incident=INCIDENT.validate_python(row.document),
            )
        return self._held[row.id]

    def _begin(self, alert: Alert, last: _Episode | None) -> Receipt:
        """A new episode: it joins the incident of its fault, or is a new incident."""
        incident, number = alert.incident, 1
        if last is not None:
            number = last.number + 1
            incident = self._again(incident, number, last.incident_id)
        held = self._of_same_fault(alert, None if last is None or last.firing else last.incident_id)
        created = held is None
        if held is None:
            held = self._create(incident)
        else:
            self._join(held, incident)
        if held.firing >= 0:
            held.firing += 1
        episode = _Episode(alert.digest, number, incident.id, held.id, firing=True, began=alert.began)
        episode.row = {
            "digest": alert.digest,
            "number": number,
            "source": alert.source,
            "alert_id": incident.id,
            "incident_id": held.id,
            "firing": True,
            "began": alert.began,
            "updated_at": self._at,
        }
        self._episodes[alert.digest] = episode
        self._new_episodes.append(episode.row)
        if self._listed(held) < MAX_ALERTS:
            held.listed += 1
            evidence = EVIDENCE.dump_python(incident.evidence[0], mode="json")
            self._new_alerts.append(
                {"id": incident.id, "incident_id": held.id, "received_at": self._at, "evidence": evidence}
            )
        return Receipt(
            held.id, held.state, created=created, changed=True, traceparent=held.incident.traceparent
        )

    def _again(self, incident: Incident, number: int, previous_id: str) -> Incident:
        """The incident of a further episode, under an id that is free."""
        while True:
            id_ = f"{incident.id[: ID_LENGTH - 12]}~{number}"
            if self._find(id_) is None:
                evidence = replace(incident.evidence[0], id=f"alert:{id_}")
                return replace(incident, id=id_, evidence=(evidence,), previous_id=previous_id)
            number += 1

    def _of_same_fault(self, alert: Alert, returned_from: str | None) -> _Held | None:
        """The incident of the alert's service that its fault belongs to."""
        service = alert.incident.service
        if service not in self._of_service:
            since = {"news_since": self._at - STILL_OPEN_S, "resolved_since": self._at - 5 * LATE_S}
            rows = self._tx.execute(_OF_SERVICE, {"service": service, **since}).all()
            self._of_service[service] = [self._hold(row) for row in rows]
        began = math.inf if alert.began is None else alert.began  # nothing was resolved later than that
        return next(
            (one for one in self._of_service[service] if _same_fault(one, began, returned_from)), None
        )

    def _create(self, incident: Incident) -> _Held:
        create_incident(self._tx, incident, "webhook", None, self._at)
        row = find_row(self._tx, incident.id)
        assert row is not None  # noqa: S101 - it was just created
        held = self._hold(row)
        self._of_service[incident.service].insert(0, held)
        return held

    def _join(self, held: _Held, incident: Incident) -> None:
        self._new_aliases.append({"alias": incident.id, "incident_id": held.id})
        self._named[incident.id] = held.id
        if self._listed(held) < MAX_ALERTS:
            message = f"Alert {incident.id} attached: {incident.evidence[0].description}"
            self._tell(held, f"alert:{incident.id}", message)
        else:
            message = f"More than {MAX_ALERTS} alerts: further ones are attached without being listed"
            self._tell(held, _MORE, message)
        held.changes |= {"revised_at": self._at, "updated_at": self._at}
        if held.detector_id is None:
            sharpened = _sharpened(held.incident, incident)
            if sharpened != held.incident:
                held.incident = sharpened
                held.changes |= incident_columns(sharpened)

    def _end(self, alert: Alert, last: _Episode, held: _Held) -> Receipt:
        """The alert is resolved; what only alerts told of is over with the last of them."""
        still = self._firing(held) - 1
        held.firing, last.firing = still, False
        if last.row is not None:
            last.row["firing"] = False
        else:
            self._ended.append({"of_digest": last.digest, "of_number": last.number, "at": self._at})
        if self._is_listed(last.alert_id):
            message = f"Alert {last.alert_id} is resolved, says {alert.source}"
            self._tell(held, f"alert resolved:{last.alert_id}", message)
        held.changes |= {"revised_at": self._at, "updated_at": self._at}
        if held.detector_id is None and not held.over and not still:
            held.over = True
            held.incident = replace(
                held.incident,
                state=IncidentState.CLOSED,
                closed_at=self._at,
                updated_at=self._at,
                revision=held.incident.revision + 1,
            )
            held.changes |= incident_columns(held.incident)
            self._tell(held, _OVER, "All its alerts are resolved: the fault is over")
        return _receipt(held, changed=True)

    def _listed(self, held: _Held) -> int:
        if held.listed < 0:
            held.listed = self._number(_LISTED, held)
        return held.listed

    def _firing(self, held: _Held) -> int:
        if held.firing < 0:
            self._write()
            held.firing = self._number(_FIRING, held)
        return held.firing

    def _number(self, query: Any, held: _Held) -> int:
        return int(self._tx.execute(query, {"incident_id": held.id}).scalar_one())

    def _is_listed(self, alert_id: str) -> bool:
        new = any(one["id"] == alert_id for one in self._new_alerts)
        return new or self._tx.execute(_IS_LISTED, {"id": alert_id}).first() is not None

    def _tell(self, held: _Held, key: str, message: str) -> None:
        """An event of the timeline; that there are more, or all is over, only once."""
        if held.seq < 0:
            held.seq = self._number(_LAST_SEQ, held)
            held.said |= set(self._tx.execute(_SAID, {"incident_id": held.id}).scalars())
        if key in held.said:
            return
        held.said.add(key)
        held.seq += 1
        self._new_events.append(
            {
                "incident_id": held.id,
                "seq": held.seq,
                "key": key,
                "at": self._at,
                "state": held.state.value,
                "message": message[:MAX_MESSAGE],
            }
        )

    def _write(self) -> None:
        for held in self._held.values():
            if held.changes:
                self._tx.execute(update(incidents).where(_C.id == held.id).values(held.changes))
                held.changes = {}
        for statement, rows in (
            (insert(aliases), self._new_aliases),
            (insert(alert_episodes), self._new_episodes),
            (insert(alerts), self._new_alerts),
            (insert(timeline), self._new_events),
            (_END_EPISODE, self._ended),
        ):
            if rows:
                self._tx.execute(statement, rows)
                rows.clear()
        for episode in self._episodes.values():
            episode.row = None


def _same_fault(held: _Held, began: float, returned_from: str | None) -> bool:
    """Alerts are slow, as their rules look back over minutes: what began before an incident was resolved, or
    soon after where telemetry shows that it was, is of that fault. Not so an alert that was resolved with it
    itself (`returned_from`)."""
    if not held.state.final:
        return not held.over or held.detector_id is not None
    if held.state in _LEFT_TO_HUMANS:
        return not held.over
    if held.resolved_at is None or held.id == returned_from:
        return False
    return held.resolved_at >= (began if held.detector_id is None else began - LATE_S)


def _before(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other


def _receipt(held: _Held, changed: bool) -> Receipt:
    return Receipt(held.id, held.state, created=False, changed=changed, traceparent=held.incident.traceparent)


def _sharpened(known: Incident, alert: Incident) -> Incident:
    """What only alerts tell of, after one more of them: its type if none was known, the higher severity."""
    if known.type is IncidentType.UNKNOWN and alert.type is not IncidentType.UNKNOWN:
        known = replace(known, type=alert.type, confidence=alert.confidence, candidates=alert.candidates)
    return replace(known, severity=max(known.severity, alert.severity, key=_SEVERITIES.index))
