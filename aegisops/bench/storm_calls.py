"""The calls of a storm of alerts: which come when, what each says, and what must stand of it afterwards."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import TypeAdapter

from aegisops.bench.simulated_remedies import draw_incidents
from detector import Incident

GROUP = 25
"""Alerts in one call of Alertmanager or Grafana."""

_INCIDENT = TypeAdapter(Incident)
_NAMES = ("ContainerMemoryHigh", "PodRestarting", "HighErrorRate", "HighLatency", "TargetDown")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One alert of a call, by what the store knows it by: `key` of its `source`; of the detector the id of
    its incident and the `revision`."""

    source: str
    key: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `due`: when, 0 to 1 of the storm's time; all it brings is about `service`."""

    due: float
    path: str
    body: bytes
    service: str
    arrivals: tuple[Arrival, ...]


def draw_storm(alerts: int, causes: int, at: float) -> list[Call]:
    """`alerts` alerts of `causes` causes, sent from `at` on (seconds since the epoch), as they fall due.

    Each cause is a service. Nine in ten of its alerts come in groups by Alertmanager and Grafana, each fourth
    group for the second time; the rest one by one, in the simple format, and for three causes in four half of
    these as revisions of the detector's own incident.
    """
    (leak,) = draw_incidents(seed=1, count=1)
    each, more = divmod(alerts, causes)
    calls: list[Call] = []
    for number in range(causes):
        cause = _Cause(f"service-{number}", leak.incident, at)
        count = each + (number < more)
        single = count // 10
        detections = single // 2 if number % 4 != 3 else 0
        for stream in (
            list(cause.groups(count - single)),
            list(cause.singles(single - detections)),
            list(cause.detections(detections)),
        ):
            share = number / causes
            calls += [replace(call, due=(turn + share) / len(stream)) for turn, call in enumerate(stream)]
    return sorted(calls, key=lambda call: call.due)


@dataclass(frozen=True, slots=True)
class _Cause:
    service: str
    leak: Incident
    at: float

    def _began(self, key: str) -> str:
        """Each alert within the minute before the storm."""
        return datetime.fromtimestamp(self.at - _lot(key) % 60, UTC).isoformat()

    def groups(self, alerts: int) -> Iterator[Call]:
        for number, start in enumerate(range(0, alerts, GROUP)):
            first = number - 1 if number % 4 == 3 else number
            source = "grafana" if first % 6 == 5 else "alertmanager"
            keys = [f"{self.service}-{first}-{n}" for n in range(min(GROUP, alerts - start))]
            body = {"version": "4", "status": "firing", "alerts": [self._alert(key) for key in keys]}
            yield self._call(f"/webhook/{source}", body, *(Arrival(source, key) for key in keys))

    def _alert(self, key: str) -> dict[str, object]:
        name = _NAMES[_lot(key) % len(_NAMES)]
        return {
            "status": "firing",
            "labels": {
                "alertname": name,
                "service": self.service,
                "severity": "critical",
                "namespace": "production",
                "cluster": "one",
                "pod": f"{self.service}-{key}",
            },
            "annotations": {
                "summary": f"{name} on a pod of {self.service}",
                "description": f"Pod {key} of {self.service} has been over its threshold for two minutes.",
            },
            "startsAt": self._began(key),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": key,
        }

    def singles(self, alerts: int) -> Iterator[Call]:
        for number in range(alerts):
            key = f"{self.service}-single-{number}"
            body = {
                "incident_id": key,
                "alert_type": "memory leak",
                "logs": f"worker {number} was killed: out of memory",
                "container_name": self.service,
                "severity": "high",
                "timestamp": self._began(key),
            }
            yield self._call("/webhook", body, Arrival("simple", key))

    def detections(self, revisions: int) -> Iterator[Call]:
        incident_id = f"STORM-{self.service}"
        evidence = tuple(replace(one, service=self.service) for one in self.leak.evidence)
        for revision in range(1, revisions + 1):
            incident = replace(
                self.leak, id=incident_id, service=self.service, evidence=evidence, revision=revision
            )
            body = _INCIDENT.dump_python(incident, mode="json")
            yield self._call("/detections", body, Arrival("detector", incident_id, revision))

    def _call(self, path: str, body: object, *arrivals: Arrival) -> Call:
        return Call(0.0, path, json.dumps(body).encode(), self.service, arrivals)


def _lot(key: str) -> int:
    return int(hashlib.sha256(key.encode()).hexdigest(), 16)
