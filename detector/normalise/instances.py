"""Who sends: from a resource to a service and one of its instances, and what is known of the instance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from detector.normalise.decode import spelling
from detector.normalise.untrusted_text import clean
from detector.series import Heartbeat, InstanceId, Release, SeriesRegistry, ServiceId

UNKNOWN_SERVICE = "unknown_service"
UNKNOWN_INSTANCE = "unknown"
MAX_NAME = 128
_MAX_SPELLING_BYTES = 4096
_MAX_SPELLINGS_BYTES = 64 * 2**20
_MAX_PIDS = 64
_RELEASE = {
    "vcs.ref.head.revision": "vcs.ref.head.revision",
    "container.image.tags": "container.image.tags",
    "container.image.tag": "container.image.tags",  # its former name
    "k8s.replicaset.name": "k8s.replicaset.name",
}
"""What tells releases apart beside `service.version`. Kubernetes makes a replica set for each."""
_HOSTS = ("k8s.pod.name", "container.id", "host.name", "host.id")


@dataclass(slots=True)
class Instance:
    """What is known of one instance. Times in seconds since the epoch.

    `usual_gap`: how long it usually is between two of its requests, of whatever signal.
    """

    id: InstanceId
    slot: int
    first_heard: float
    last_heard: float
    usual_gap: float = 1.0
    started_at: float | None = None
    version: str = ""
    pid: int | None = None
    release: Release = ()
    _pids: set[int] = field(default_factory=set)

    def heard(self, now: float) -> None:
        """A request of it came in."""
        gap = now - self.last_heard
        if gap > 0.2:
            self.usual_gap += 0.3 * (min(gap, 60.0) - self.usual_gap)
            self.last_heard = now

    def alive(self, now: float) -> bool:
        """Whether its last request is no longer ago than some of its usual gaps."""
        return now - self.last_heard <= max(5.0, 3.0 * self.usual_gap)

    def runs_as(self, pid: int | None) -> None:
        """It says which process it is now. One not seen before may have begun at another time."""
        if pid is None or pid == self.pid:
            return
        if pid not in self._pids:
            if len(self._pids) >= _MAX_PIDS:
                self._pids.clear()
            self._pids.add(pid)
            self.started_at = None
        self.pid = pid

    def began(self, start: float) -> None:
        """Something of it began at `start`; the earliest such time is when its process started."""
        if start > 0.0 and (self.started_at is None or start < self.started_at):
            self.started_at = start

    def restarted(self, start: float) -> None:
        """All it counts began anew at `start`."""
        self.started_at = start

    def heartbeat(self, now: float) -> Heartbeat:
        """That it was heard from."""
        return Heartbeat(self.id, now, self.started_at, self.version, self.pid, self.release)


@dataclass(frozen=True, slots=True)
class _Identity:
    """A resource, read once for each spelling of it."""

    instance: InstanceId
    version: str
    pid: int | None
    created_at: float | None
    release: Release
    ignored: bool


class Instances:
    """Finds the instance of a resource. Bounded by the registry; those long unheard are forgotten.

    `ignored`: names of services whose telemetry is dropped. `dropped` counts the requests' parts that
    were dropped because the registry has no room for another instance.
    """

    def __init__(self, registry: SeriesRegistry, ignored: frozenset[str], forget_after_s: float) -> None:
        self.dropped = 0
        self._registry = registry
        self._ignored = ignored
        self._forget_after_s = forget_after_s
        self._spellings: dict[bytes, _Identity] = {}
        self._spellings_bytes = 0
        self._instances: dict[InstanceId, Instance] = {}

    def __len__(self) -> int:
        return len(self._instances)

    def of(self, resource: Resource, now: float) -> Instance | None:
        """The instance that `resource` names; None when it is ignored or there is no room for it."""
        identity = self._identity(resource)
        if identity.ignored:
            return None
        instance = self._instances.get(identity.instance)
        if instance is None:
            slot = self._registry.instance_slot(identity.instance)
            if slot is None:
                self.dropped += 1
                return None
            instance = self._instances[identity.instance] = Instance(identity.instance, slot, now, now)
        instance.heard(now)
        instance.version = identity.version or instance.version
        instance.release = identity.release or instance.release
        instance.runs_as(identity.pid)
        if identity.created_at is not None:
            instance.began(identity.created_at)
        return instance

    def forget_silent(self, now: float) -> list[int]:
        """Forget the instances unheard for the time to forget; their slots."""
        silent = [i for i in self._instances.values() if now - i.last_heard > self._forget_after_s]
        for instance in silent:
            del self._instances[instance.id]
        if silent:
            self._forget_spellings()
        return [instance.slot for instance in silent]

    def _identity(self, resource: Resource) -> _Identity:
        spelled = resource.SerializeToString()
        identity = self._spellings.get(spelled)
        if identity is None:
            identity = self._identify(resource)
            if len(spelled) <= _MAX_SPELLING_BYTES:
                if self._spellings_bytes > _MAX_SPELLINGS_BYTES:
                    self._forget_spellings()
                self._spellings[spelled] = identity
                self._spellings_bytes += len(spelled)
        return identity

    def _forget_spellings(self) -> None:
        self._spellings.clear()
        self._spellings_bytes = 0

    def _identify(self, resource: Resource) -> _Identity:
        attributes = {key: clean(text, MAX_NAME) for key, text in spelling(resource.attributes)}
        name = attributes.get("service.name") or UNKNOWN_SERVICE
        pid = attributes.get("process.pid", "")
        return _Identity(
            InstanceId(ServiceId(attributes.get("service.namespace", ""), name), _instance_name(attributes)),
            attributes.get("service.version", ""),
            int(pid) if pid.isascii() and pid.isdigit() else None,
            _epoch(attributes.get("process.creation.time", "")),
            _release(attributes),
            name in self._ignored,
        )


def _instance_name(attributes: Mapping[str, str]) -> str:
    """`service.instance.id`, or where it runs (pod, container, host) with its process, or "unknown"."""
    name = attributes.get("service.instance.id")
    if name:
        return name
    place = next((attributes[key] for key in _HOSTS if attributes.get(key)), "")
    parts = (place, attributes.get("k8s.container.name"), attributes.get("process.pid"))
    return ":".join(part for part in parts if part)[:MAX_NAME] or UNKNOWN_INSTANCE


def _release(attributes: Mapping[str, str]) -> Release:
    found = {name: attributes[key] for key, name in _RELEASE.items() if attributes.get(key)}
    return tuple(found.items())


def _epoch(text: str) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
