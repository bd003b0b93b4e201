"""Incidents with a known truth: a made-up service breaks, the detector's engine reports what it sees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aegisops.bench.synthetic_fault import KINDS, Course, FaultKind, overlaid
from aegisops.bench.synthetic_service import ERROR, SyntheticService, draw_service
from detector import Incident, IncidentState
from detector.engine import Engine, EngineConfig
from detector.series import SeriesRegistry
from responder.pipeline.case_files import StepsConfig

START = 1_700_000_000.0
_WARM_UP_S = 25
_WATCHED_S = 40
_TICK_S = 0.25
_TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"
_NOISE_LINES = (
    "retrying request to cache, attempt 2",
    "read timed out on keepalive connection",
    "could not load user preferences, using defaults",
    "worker restarted after configuration reload",
    "disk quota check skipped",
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is really the matter (the faults that are there, mostly one), and the incident as the responder
    would take it up; None where the detector opened none."""

    kinds: tuple[FaultKind, ...]
    incident: Incident | None

    @property
    def name(self) -> str:
        """The kind of fault in a word."""
        return self.kinds[0].name if len(self.kinds) == 1 else "two_at_once"


@dataclass(frozen=True, slots=True)
class Example:
    """An incident of one fault."""

    incident: Incident
    kind: FaultKind


class _Tracer:
    def record(self, incident: Incident) -> str:  # noqa: ARG002 - contract
        return _TRACEPARENT


def draw_examples(seed: int, count: int, kinds: Sequence[FaultKind] = KINDS) -> Iterator[Example | None]:
    """`count` faults, one at a time; None where the detector opened no incident. See `draw_faults`."""
    for drawn in draw_faults(seed, count, kinds):
        yield None if drawn.incident is None else Example(drawn.incident, drawn.kinds[0])


def draw_faults(
    seed: int, count: int, kinds: Sequence[FaultKind] = KINDS, two_at_once: float = 0.0
) -> Iterator[Drawn]:
    """`count` made-up faults, of all kinds in turn; a share of `two_at_once` has a second one beside it.

    Each has a service of its own, a strength, and noise: symptoms that come late or not at all, a second
    symptom that misleads, log lines that have nothing to do with it.
    """
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        several = [kinds[number % len(kinds)]]
        if two_at_once and rng.random() < two_at_once:
            several.append(KINDS[int(rng.integers(len(KINDS)))])
        yield _drawn(rng, number, tuple(several))


def _drawn(rng: np.random.Generator, number: int, kinds: tuple[FaultKind, ...]) -> Drawn:
    strengths = [float(rng.uniform(0.15, 1.0)) for _ in kinds]
    while True:  # a service without the series of a fault cannot show it
        registry = SeriesRegistry()
        service = draw_service(rng, registry, int(rng.integers(10_000)))
        drawn = [kind.course(service, rng, one) for kind, one in zip(kinds, strengths, strict=True)]
        courses = [course for course in drawn if course is not None]
        if len(courses) == len(kinds):
            break
    course = courses[0] if len(courses) == 1 else overlaid(courses[0], courses[1])
    _mislead(course, service, rng)
    engine = Engine(registry, EngineConfig(), _Tracer(), lambda: f"INC-{number}")
    return Drawn(kinds, _watched(engine, service, course))


def _mislead(course: Course, service: SyntheticService, rng: np.random.Generator) -> None:
    """Things that happen at the same time and are not the fault."""
    if rng.random() < 0.25:
        course.lines.append((float(rng.uniform(0, 6)), ERROR, str(rng.choice(_NOISE_LINES))))
    if rng.random() < 0.12:  # what would show the cause is not measured
        near = [role for role in course.levels if role in ("cpu", "memory", "disk", "pool", "client0")]
        if near and len(course.levels) > 1:
            del service.series[near[0]], course.levels[near[0]]
    if rng.random() < 0.2:
        role = str(rng.choice(sorted(set(service.series) - set(course.levels) - {"errors", "error_logs"})))
        times = float(rng.uniform(1.5, 4.0))
        usual = service.series[role][0].level
        share = role in ("cpu", "disk", "memory", "pool")
        level = min(0.95, usual * times) if share else times
        course.levels[role] = lambda _: level


def _watched(engine: Engine, service: SyntheticService, course: Course) -> Incident | None:
    """The incident as it stands when the responder would begin its diagnosis."""
    gathering = _Gathering(StepsConfig())
    now = START
    service.began = START - 1000.0
    for second in range(_WARM_UP_S + _WATCHED_S):
        since = float(second - _WARM_UP_S)
        if since >= 0:
            _go_on(service, course, since, now)
        for batch in service.batches(now):
            engine.ingest(batch, now + 0.05)
        for _ in range(round(1 / _TICK_S)):
            now += _TICK_S
            for report in engine.tick(now):
                gathering.hear(report, now)
            if gathering.over(now):
                return gathering.incident
    return None


def _go_on(service: SyntheticService, course: Course, since: float, now: float) -> None:
    if since == 0:
        service.changed, service.changed_since = course.levels, now
    if course.starts is not None:
        service.down = since not in course.starts
        if not service.down:
            service.restart(now)
            service.version = course.version or service.version
    service.logs += [(level, body) for at, level, body in course.lines if since <= at < since + 1]


class _Gathering:
    """How long the responder lets evidence gather; see `Deciding.settle`."""

    def __init__(self, config: StepsConfig) -> None:
        self._config = config
        self._received_at = self._revised_at = 0.0
        self.incident: Incident | None = None

    def hear(self, report: Incident, now: float) -> None:
        if self.incident is None:
            self._received_at = now
        if report.state is IncidentState.OPEN:
            self.incident, self._revised_at = report, now

    def over(self, now: float) -> bool:
        if self.incident is None:
            return False
        sure = self.incident.confidence >= self._config.sure
        quiet = sure and now - self._revised_at >= self._config.quiet_s
        return quiet or now - self._received_at >= self._config.settle_s
