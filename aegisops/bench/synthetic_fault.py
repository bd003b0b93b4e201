"""Faults with a known truth: what they do to the series of a made-up service, and which actions mend them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from aegisops.bench.synthetic_service import ERROR, ERROR_FATAL, Level, SyntheticService
from detector import IncidentType
from responder.incident_record import ActionKind

A = ActionKind


@dataclass
class Course:
    """What a fault does from its begin: levels by role, lines that are logged, and when the service is up.

    `lines`: (seconds after the begin, severity, body). `starts`: seconds at which a process starts and dies
    again within the second; None where the service stays up; empty where it stays down.
    """

    levels: dict[str, Level] = field(default_factory=dict)
    lines: list[tuple[float, int, str]] = field(default_factory=list)
    starts: tuple[float, ...] | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault. `mends`: actions that end it."""

    name: str
    type: IncidentType
    mends: frozenset[ActionKind]
    course: Callable[[SyntheticService, np.random.Generator, float], Course | None]


def overlaid(one: Course, other: Course) -> Course:
    """Both courses at once: of two levels the higher one, and down where either is."""
    levels = dict(one.levels)
    for role, level in other.levels.items():
        levels[role] = _higher(levels[role], level) if role in levels else level
    starts = one.starts if one.starts is not None else other.starts
    return Course(levels, one.lines + other.lines, starts, one.version or other.version)


def _higher(one: Level, other: Level) -> Level:
    return lambda t: max(one(t), other(t))


def _ramp(start: float, per_s: float, most: float) -> Level:
    return lambda t: min(most, start + per_s * max(0.0, t))


def _step(level: float, after: float = 0.0, before: float = 1.0) -> Level:
    return lambda t: level if t >= after else before


def _usual(service: SyntheticService, role: str) -> float:
    return service.series[role][0].level


def _suffer(course: Course, rng: np.random.Generator, strength: float, likely: float = 0.7) -> None:
    """Users feel it: slow answers and errors, a moment later and not always."""
    after = float(rng.uniform(0.0, 4.0))
    if rng.random() < likely:
        course.levels.setdefault("server", _step(1.0 + 12.0 * strength * rng.random(), after))
    if rng.random() < 0.5 * likely:
        course.levels.setdefault("errors", _step(0.1 + 0.6 * strength * rng.random(), after, 0.001))
        course.levels.setdefault("error_logs", _step(200.0, after))


def _leak(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course:
    start = _usual(service, "memory")
    course = Course({"memory": _ramp(start, 0.01 + 0.1 * strength * rng.random(), 0.97)})
    if rng.random() < 0.3:
        course.levels["cpu"] = _ramp(_usual(service, "cpu"), 0.03, 0.9)  # the collector works harder
    if rng.random() < 0.3:
        course.lines.append((4.0, ERROR, "java.lang.OutOfMemoryError: Java heap space"))
    _suffer(course, rng, strength, 0.4)
    return course


def _burn(_: SyntheticService, rng: np.random.Generator, strength: float) -> Course:
    course = Course({"cpu": _step(min(1.0, 0.6 + 0.4 * strength))})
    if rng.random() < 0.3:
        course.levels["client0"] = _step(1.0 + 3.0 * strength)  # its own calls wait for a processor
    _suffer(course, rng, strength)
    return course


def _surge(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course:
    times = 2.5 + 6.0 * strength * rng.random()
    cpu = min(1.0, _usual(service, "cpu") * times * float(rng.uniform(0.8, 1.2)))
    course = Course({"traffic": _step(times), "cpu": _step(max(0.75, cpu))})
    if "pool" in service.series and rng.random() < 0.3:
        course.levels["pool"] = _step(float(rng.uniform(0.5, 0.9)))  # fuller, and not what is short
    _suffer(course, rng, strength)
    return course


def _slow_peer(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course:
    course = Course({"client0": _step(5.0 + 60.0 * strength)})
    course.levels["server"] = _step(3.0 + 15.0 * strength)
    if "pool" in service.series and rng.random() < 0.35:
        course.levels["pool"] = _step(
            float(rng.uniform(0.7, 1.0)), float(rng.uniform(0, 3))
        )  # held while it waits
    if rng.random() < 0.4:
        course.lines.append((2.0, ERROR, "upstream request timeout after 2000 ms"))
    _suffer(course, rng, strength, 0.5)
    return course


def _slow_network(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course | None:
    if len(service.peers) < 2:
        return None
    course = Course({role: _step(5.0 + 60.0 * strength * rng.random()) for role in service.peers})
    _suffer(course, rng, strength)
    return course


def _pool_leak(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course | None:
    if "pool" not in service.series:
        return None
    course = Course({"pool": _ramp(_usual(service, "pool"), 0.1 + 0.5 * strength, 1.0)})
    if rng.random() < 0.5:
        course.lines.append(
            (2.0, ERROR, "QueuePool limit of size 10 overflow 5 reached, connection timed out")
        )
    if "db" in service.series and rng.random() < 0.3:
        course.levels["db"] = _step(4.0, 2.0)
    _suffer(course, rng, strength)
    return course


def _pool_too_small(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course | None:
    if "pool" not in service.series:
        return None
    times = 2.0 + 4.0 * strength * rng.random()
    cpu = min(0.9, _usual(service, "cpu") * times * float(rng.uniform(0.5, 1.0)))  # the pool holds work back
    course = Course({"pool": _step(1.0), "traffic": _step(times), "cpu": _step(cpu)})
    _suffer(course, rng, strength)
    return course


def _disk(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course | None:
    if "disk" not in service.series:
        return None
    course = Course({"disk": _ramp(_usual(service, "disk"), 0.02 + 0.3 * strength * rng.random(), 0.99)})
    if rng.random() < 0.5:
        course.lines.append((3.0, ERROR, "OSError: [Errno 28] No space left on device"))
    _suffer(course, rng, strength)
    return course


def _starts(rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(np.cumsum(rng.uniform(1.0, 4.0, 8)).round().tolist())


def _bad_configuration(_: SyntheticService, rng: np.random.Generator, strength: float) -> Course:  # noqa: ARG001 - one signature
    starts = _starts(rng)
    said = "startup failed: invalid configuration: cache_size must be a number"
    return Course(starts=starts, lines=[(at, ERROR_FATAL, said) for at in starts])


def _bad_release(_: SyntheticService, rng: np.random.Generator, strength: float) -> Course:  # noqa: ARG001 - one signature
    starts = _starts(rng)
    lines = (
        [(at, ERROR_FATAL, "panic: nil pointer dereference") for at in starts] if rng.random() < 0.5 else []
    )
    return Course(starts=starts, version="2.0.0", lines=lines)


def _stopped(_: SyntheticService, __: np.random.Generator, strength: float) -> Course:  # noqa: ARG001 - one signature
    return Course(starts=())


def _errors(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course:
    level = 0.2 + 0.7 * strength * rng.random()
    course = Course({"errors": _step(level), "error_logs": _step(100.0 * service.replicas)})
    if rng.random() < 0.4:
        course.lines.append((1.0, ERROR, "KeyError: 'tenant'"))
    if rng.random() < 0.4:
        course.levels["server"] = _step(1.0 + 5.0 * strength)
    return course


def _overload(_: SyntheticService, rng: np.random.Generator, strength: float) -> Course:
    course = Course({"traffic": _step(2.0 + 5.0 * strength), "server": _step(4.0 + 10.0 * strength)})
    _suffer(course, rng, strength, 0.5)
    return course


def _calm(_: SyntheticService, __: np.random.Generator, strength: float) -> Course:  # noqa: ARG001 - one signature
    return Course()


def _passing(service: SyntheticService, rng: np.random.Generator, strength: float) -> Course:
    """A batch job, a cache that fills, more users: odd for a moment, or new and harmless."""
    lasts = 2.0 + 8.0 * strength
    usual = _usual(service, "cpu")
    courses = (
        Course({"cpu": lambda t: 0.4 + 0.5 * strength if t < lasts else usual}),
        Course({"server": lambda t: 2.0 + 4.0 * strength if t < lasts else 1.0}),
        Course({"errors": lambda t: 0.15 if t < lasts / 2 else 0.001}),
        Course({"traffic": _step(1.5 + 2.0 * strength), "cpu": _step(min(0.6, usual * (1.5 + strength)))}),
        Course({"memory": _ramp(_usual(service, "memory"), 0.01, 0.45 + 0.2 * strength)}),
    )
    return courses[int(rng.integers(len(courses)))]


KINDS: tuple[FaultKind, ...] = (
    FaultKind("leak", IncidentType.MEMORY_OOM, frozenset({A.RESTART}), _leak),
    FaultKind("runaway_work", IncidentType.CPU_SPIKE, frozenset({A.RESTART}), _burn),
    FaultKind("surge", IncidentType.CPU_SPIKE, frozenset({A.SCALE_UP}), _surge),
    FaultKind("slow_peer", IncidentType.NETWORK_LATENCY, frozenset({A.FAILOVER}), _slow_peer),
    FaultKind(
        "slow_network", IncidentType.NETWORK_LATENCY, frozenset({A.FAILOVER, A.RESTART}), _slow_network
    ),
    FaultKind(
        "pool_leak", IncidentType.DB_CONNECTION_POOL, frozenset({A.RECYCLE_POOL, A.RESTART}), _pool_leak
    ),
    FaultKind(
        "pool_too_small",
        IncidentType.DB_CONNECTION_POOL,
        frozenset({A.SCALE_UP, A.RECYCLE_POOL}),
        _pool_too_small,
    ),
    FaultKind("disk_full", IncidentType.DISK_SPACE, frozenset({A.CLEANUP}), _disk),
    FaultKind("bad_configuration", IncidentType.POD_CRASH_LOOP, frozenset({A.ROLLBACK}), _bad_configuration),
    FaultKind("bad_release", IncidentType.POD_CRASH_LOOP, frozenset({A.ROLLBACK}), _bad_release),
    FaultKind("stopped", IncidentType.POD_CRASH_LOOP, frozenset({A.RESTART}), _stopped),
    FaultKind("errors", IncidentType.UNKNOWN, frozenset(), _errors),
    FaultKind("overload", IncidentType.UNKNOWN, frozenset({A.SCALE_UP}), _overload),
)

QUIET: tuple[FaultKind, ...] = (
    FaultKind("calm", IncidentType.UNKNOWN, frozenset(), _calm),
    FaultKind("passing", IncidentType.UNKNOWN, frozenset(), _passing),
)
"""Nothing is the matter: whatever is diagnosed is wrong."""
