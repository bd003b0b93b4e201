"""An engine that knows what it is told to know, and batches to feed it."""

import threading

import numpy as np

from detector.incident import (
    Deploy,
    Incident,
    IncidentState,
    LogLine,
    LogSeverity,
    Neighbour,
    Neighbours,
    PeerKind,
    Recovery,
    ServiceHealth,
)
from detector.series import Normalised, Samples


def a_batch(points: int) -> Normalised:
    column = np.zeros(points, dtype=np.int64)
    return Normalised(Samples(column, column, np.zeros(points), np.zeros(points)))


class ToldEngine:
    """Answers from what is put into it; a batch of no points makes it raise."""

    def __init__(self) -> None:
        self.known: dict[str, Incident] = {}
        self.services_known = {"checkout", "a/b"}
        self.changed: list[Incident] = []
        self.ingested = 0
        self.ticks = 0
        self.threads: set[int] = set()
        self.tick_fails = False

    def ingest(self, batch: Normalised, now: float) -> None:
        self.threads.add(threading.get_ident())
        if not len(batch.samples):
            raise ValueError("an empty batch")
        self.ingested += len(batch.samples)

    def tick(self, now: float) -> list[Incident]:
        self.threads.add(threading.get_ident())
        self.ticks += 1
        if self.tick_fails:
            raise ValueError("a bad tick")
        changed, self.changed = self.changed, []
        self.known.update((incident.id, incident) for incident in changed)
        return changed

    def incidents(self, state: IncidentState | None = None) -> list[Incident]:
        self.threads.add(threading.get_ident())
        return [incident for incident in self.known.values() if state in (None, incident.state)]

    def incident(self, incident_id: str) -> Incident | None:
        return self.known.get(incident_id)

    def recovery(self, incident_id: str, now: float) -> Recovery | None:
        incident = self.known.get(incident_id)
        return incident and Recovery(incident.id, incident.state, True, True, now - incident.opened_at, ())

    def services(self, now: float) -> list[ServiceHealth]:
        return [ServiceHealth("checkout", "shop", ("a",), True, True, now, 3, None, ())]

    def neighbours(self, name: str, namespace: str | None, now: float) -> Neighbours | None:
        if name not in self.services_known:
            return None
        called = Neighbour("postgresql/orders", "", PeerKind.DATABASE, False, 10, 1, now)
        return Neighbours(name, namespace or "shop", (), (called,))

    def deploys(self, name: str, namespace: str | None) -> list[Deploy] | None:
        if name not in self.services_known:
            return None
        return [Deploy("service.version", "1.0", namespace or "2.0", 1000.0)]

    def logs(self, incident_id: str, pattern: str, least: LogSeverity, limit: int) -> list[LogLine] | None:
        if incident_id not in self.known:
            return None
        return [LogLine(least, "<num>", pattern, limit, 1000.0, 1001.0)]
