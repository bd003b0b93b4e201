"""What was seen of every action against every type of incident, from one service's point of view."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from detector import IncidentType
from responder.incident_record import ActionKind, Experience, WeighedOutcomes
from responder.learn.lesson import Lesson

Key = tuple[IncidentType, ActionKind]


@dataclass(slots=True)
class _Sum:
    successes: float = 0.0
    failures: float = 0.0
    helped: int = 0
    seen: int = 0

    def add(self, helped: bool, weight: float) -> None:
        self.successes += weight * helped
        self.failures += weight * (not helped)
        self.helped += helped
        self.seen += 1

    def add_at_most_one(self, other: "_Sum") -> None:
        total = other.successes + other.failures
        scale = 1.0 / max(1.0, total)
        self.successes += scale * other.successes
        self.failures += scale * other.failures
        self.helped += other.helped
        self.seen += other.seen

    def frozen(self) -> WeighedOutcomes:
        return WeighedOutcomes(self.successes, self.failures, self.helped, self.seen)


def experience_of(
    lessons: Iterable[Lesson],
    imported: Mapping[Key, WeighedOutcomes],
    *,
    service: str,
    weight: Callable[[Lesson], float],
) -> tuple[Experience, ...]:
    """One `Experience` for each type and action something is known of.

    A lesson counts by `weight`, not at all at 0. Another service's outcomes together count for
    at most one: a service on which the usual remedy fails again and again says little about the next.
    """
    seen: dict[Key, dict[str, _Sum]] = defaultdict(lambda: defaultdict(_Sum))
    for lesson in lessons:
        counts = weight(lesson)
        if counts == 0.0:
            continue
        for one in lesson.outcomes:
            seen[lesson.incident_type, one.action][lesson.service].add(one.helped, counts)
    out = []
    for key in sorted({*seen, *imported}):
        elsewhere = _Sum()
        here = WeighedOutcomes()
        for name, outcomes in seen[key].items():
            if name == service:
                here = outcomes.frozen()
            else:
                elsewhere.add_at_most_one(outcomes)
        told = imported.get(key, WeighedOutcomes())
        out.append(Experience(*key, here=here, elsewhere=elsewhere.frozen(), imported=told))
    return tuple(out)
