"""An entry of the runbook as it is shown: one pattern of incidents, and what helped against it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from detector import IncidentType
from responder.incident_record import ActionKind, PastOutcome, WeighedOutcomes
from responder.learn.exchange import ExchangedEntry
from responder.learn.experience import experience_of
from responder.learn.lesson import Lesson
from responder.learn.posterior import Posterior, on_service

SHOWN_SERVICES = 20

Fit = Callable[[ActionKind], float]
"""How often an action is expected to help against the entry's type, before any was seen."""


@dataclass(frozen=True, slots=True)
class ActionBelief:
    """How likely an action helps: the mean of its Beta posterior, and the interval from `low` to `high` that
    holds 90 % of it. `helped` of `seen` are whole counts; what weighs in the posterior is less, by age."""

    action: ActionKind
    helped: int
    seen: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ServiceBeliefs:
    """The same for one service: its own outcomes, and others' as far as it has few."""

    service: str
    actions: tuple[ActionBelief, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookEntry:
    """What was learned from incidents of one type with similar evidence.

    `patterns`: masked phrases of the evidence. `common_actions`: what was done, the likeliest to help first.
    `success_rate`: resolved over resolved and unresolved incidents, weighed by age; 0 where there are none.
    `confidence`: mean of Beta(1 + resolved, 1 + unresolved), weighed likewise. `resolved`, `unresolved`
    (escalated, failed, or wrong by a human's word), `rejected` (nothing was wrong): counts of incidents.
    `resolution_time_avg_ms`: of the resolved ones, from receipt to resolution; None before the first.
    `imported`: told by another runbook; then `actions` rest on its word alone.
    """

    entry_id: str
    incident_type: IncidentType
    patterns: tuple[str, ...]
    common_actions: tuple[ActionKind, ...]
    resolution_time_avg_ms: float | None
    success_rate: float
    confidence: float
    learned_from_incident_ids: tuple[str, ...]
    actions: tuple[ActionBelief, ...]
    services: tuple[ServiceBeliefs, ...]
    resolved: int
    unresolved: int
    rejected: int
    imported: bool
    updated_at: float

    @property
    def exchanged(self) -> ExchangedEntry:
        """What another responder may be told."""
        return ExchangedEntry(
            incident_type=self.incident_type,
            patterns=self.patterns,
            common_actions=self.common_actions,
            resolution_time_avg_ms=self.resolution_time_avg_ms,
            success_rate=self.success_rate,
            learned_from_incident_ids=self.learned_from_incident_ids,
        )


def learned_entry(
    entry_id: str,
    patterns: tuple[str, ...],
    lessons: Sequence[Lesson],
    weights: Sequence[float],
    fit: Fit,
) -> RunbookEntry:
    """The entry of these lessons, oldest first, each with its weight (above 0)."""
    seen = _outcomes(zip(lessons, weights, strict=True))
    actions = _beliefs(
        {a: (Posterior.expected(fit(a)).after(o.successes, o.failures), o) for a, o in seen.items()}
    )
    settled = [(one.resolved, weight) for one, weight in zip(lessons, weights, strict=True)]
    resolved = sum(weight for ok, weight in settled if ok is True)
    unresolved = sum(weight for ok, weight in settled if ok is False)
    times = [one.resolution_ms for one in lessons if one.resolved and one.resolution_ms is not None]
    return RunbookEntry(
        entry_id=entry_id,
        incident_type=lessons[0].incident_type,
        patterns=patterns,
        common_actions=tuple(one.action for one in actions),
        resolution_time_avg_ms=sum(times) / len(times) if times else None,
        success_rate=resolved / (resolved + unresolved) if resolved + unresolved else 0.0,
        confidence=Posterior(1.0 + resolved, 1.0 + unresolved).mean,
        learned_from_incident_ids=tuple(one.incident_id for one in lessons),
        actions=actions,
        services=_services(lessons, weights, fit),
        resolved=sum(ok is True for ok, _ in settled),
        unresolved=sum(ok is False for ok, _ in settled),
        rejected=sum(one.state.final and one.resolved is None for one in lessons),
        imported=False,
        updated_at=lessons[-1].learned_at,
    )


def imported_entry(
    entry_id: str,
    told: ExchangedEntry,
    outcomes: Mapping[ActionKind, WeighedOutcomes],
    *,
    at: float,
    weight: float,
    fit: Fit,
) -> RunbookEntry:
    """The entry another runbook told of; `outcomes` are what its word counts for."""
    actions = _beliefs(
        {
            action: (Posterior.expected(fit(action)).after(weight * o.successes, weight * o.failures), o)
            for action, o in outcomes.items()
        }
    )
    count = len(told.learned_from_incident_ids)
    resolved = round(count * told.success_rate)
    return RunbookEntry(
        entry_id=entry_id,
        incident_type=told.incident_type,
        patterns=told.patterns,
        common_actions=told.common_actions,
        resolution_time_avg_ms=told.resolution_time_avg_ms,
        success_rate=told.success_rate,
        confidence=Posterior(1.0, 1.0).mean,
        learned_from_incident_ids=told.learned_from_incident_ids,
        actions=actions,
        services=(),
        resolved=resolved,
        unresolved=count - resolved,
        rejected=0,
        imported=True,
        updated_at=at,
    )


def past_outcomes(lessons: Iterable[Lesson]) -> tuple[PastOutcome, ...]:
    """Whole counts, action by action, in the order of `ActionKind`."""
    seen = _outcomes((lesson, 1.0) for lesson in lessons)
    return tuple(
        PastOutcome(action, seen[action].helped, seen[action].seen - seen[action].helped)
        for action in ActionKind
        if action in seen
    )


def _outcomes(lessons: Iterable[tuple[Lesson, float]]) -> dict[ActionKind, WeighedOutcomes]:
    sums: dict[ActionKind, WeighedOutcomes] = defaultdict(WeighedOutcomes)
    for lesson, weight in lessons:
        for one in lesson.outcomes:
            before = sums[one.action]
            sums[one.action] = WeighedOutcomes(
                before.successes + weight * one.helped,
                before.failures + weight * (not one.helped),
                before.helped + one.helped,
                before.seen + 1,
            )
    return sums


def _services(lessons: Sequence[Lesson], weights: Sequence[float], fit: Fit) -> tuple[ServiceBeliefs, ...]:
    """Those that were seen last."""
    weight = dict(zip((one.incident_id for one in lessons), weights, strict=True))
    last_first = dict.fromkeys(one.service for one in reversed(lessons))
    out = []
    for service in sorted(list(last_first)[:SHOWN_SERVICES]):
        seen = experience_of(lessons, {}, service=service, weight=lambda one: weight[one.incident_id])
        beliefs = _beliefs({e.action: (on_service(fit(e.action), e), e.here) for e in seen})
        out.append(ServiceBeliefs(service, beliefs))
    return tuple(out)


def _beliefs(of: Mapping[ActionKind, tuple[Posterior, WeighedOutcomes]]) -> tuple[ActionBelief, ...]:
    """The most likely to help first; of equals the one that stands first in `ActionKind`."""
    order = list(ActionKind)
    ranked = sorted(of.items(), key=lambda item: (-item[1][0].mean, order.index(item[0])))
    beliefs = []
    for action, (posterior, outcomes) in ranked:
        low, high = posterior.interval
        beliefs.append(ActionBelief(action, outcomes.helped, outcomes.seen, posterior.mean, low, high))
    return tuple(beliefs)
