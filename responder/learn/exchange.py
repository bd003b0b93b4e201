"""The runbook as JSON that goes from one responder to another, and how much of another's word is believed."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from detector import IncidentType
from responder.incident_record import ActionKind, WeighedOutcomes
from responder.learn.experience import Key
from responder.learn.patterns import mask
from responder.learn.posterior import PRIOR_WEIGHT

MAX_EXCHANGED = 1_000
MAX_PATTERNS = 40
MAX_PATTERN_CHARS = 200
MAX_INCIDENT_IDS = 200
_MAX_MS = 1e12
_STEP = 1e-3


def _remedies(actions: tuple[ActionKind, ...]) -> tuple[ActionKind, ...]:
    if ActionKind.NOOP in actions:
        raise ValueError("NOOP is no remedy: leave it out")
    if len(set(actions)) < len(actions):
        raise ValueError("an action stands there twice: name each once, the best first")
    return actions


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATTERN_CHARS)]
IncidentIdText = Annotated[str, StringConstraints(min_length=1, max_length=250)]


class ExchangedEntry(BaseModel):
    """One pattern of incidents and what was done about it.

    `common_actions`: the likeliest to help first. `success_rate`: resolved over all incidents that had to
    be resolved. `resolution_time_avg_ms`: None where none was.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    incident_type: IncidentType
    patterns: tuple[Pattern, ...] = Field(max_length=MAX_PATTERNS)
    common_actions: Annotated[
        tuple[ActionKind, ...], Field(max_length=len(ActionKind)), AfterValidator(_remedies)
    ]
    resolution_time_avg_ms: float | None = Field(ge=0, le=_MAX_MS, allow_inf_nan=False)
    success_rate: float = Field(ge=0, le=1, allow_inf_nan=False)
    learned_from_incident_ids: tuple[IncidentIdText, ...] = Field(max_length=MAX_INCIDENT_IDS)

    def masked(self) -> Self:
        """The same with secrets, times and numbers of its texts masked, as those learned here are."""
        masked = dict.fromkeys(mask(text, MAX_PATTERN_CHARS) for text in self.patterns)
        return self.model_copy(update={"patterns": tuple(filter(None, masked))})

    @property
    def digest(self) -> str:
        """The same for the same content, so that importing twice changes nothing."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class ExchangedRunbook(BaseModel):
    """What `GET /runbook/export` answers and `POST /runbook/import` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    entries: tuple[ExchangedEntry, ...] = Field(max_length=MAX_EXCHANGED)


def pseudo_outcomes(
    entry: ExchangedEntry, fit: Callable[[ActionKind], float]
) -> Mapping[ActionKind, WeighedOutcomes]:
    """What an imported entry counts for, action by action: as many outcomes as it names incidents, at most
    `PRIOR_WEIGHT` of them.

    The format has one rate for all actions and their order. So every action gets that rate, moved as little
    as it takes for the posterior means to stand in that order, as far as so few outcomes can move them:
    what is exported and imported elsewhere ranks its actions as before. `fit` is the expectation.
    """
    weight = min(PRIOR_WEIGHT, len(entry.learned_from_incident_ids))
    if weight == 0:
        return {}
    expected = [PRIOR_WEIGHT * fit(action) for action in entry.common_actions]
    means = _in_order([e + weight * entry.success_rate for e in expected], expected)
    shares = [min(1.0, max(0.0, (m - e) / weight)) for m, e in zip(means, expected, strict=True)]
    return {
        action: WeighedOutcomes(weight * share, weight * (1.0 - share))
        for action, share in zip(entry.common_actions, shares, strict=True)
    }


def together(
    told: Iterable[tuple[IncidentType, Mapping[ActionKind, WeighedOutcomes], float]],
) -> dict[Key, WeighedOutcomes]:
    """The pseudo-outcomes of several entries, each weighed by its age: for each type and action at most
    `PRIOR_WEIGHT`, however many entries say it."""
    sums: dict[Key, tuple[float, float]] = {}
    for incident_type, outcomes, age in told:
        for action, one in outcomes.items():
            before = sums.get((incident_type, action), (0.0, 0.0))
            sums[incident_type, action] = (
                before[0] + age * one.successes,
                before[1] + age * one.failures,
            )
    out = {}
    for key, (successes, failures) in sums.items():
        scale = min(1.0, PRIOR_WEIGHT / (successes + failures)) if successes + failures else 0.0
        out[key] = WeighedOutcomes(scale * successes, scale * failures)
    return out


def _in_order(wanted: Sequence[float], least: Sequence[float]) -> list[float]:
    """`wanted`, changed where need be so that each is greater than the next and at least its `least`."""
    floor, floors = 0.0, []
    for value in reversed(least):
        floor = max(value, floor + _STEP)
        floors.append(floor)
    ceiling, out = float("inf"), []
    for value, floor in zip(wanted, reversed(floors), strict=True):
        ceiling = max(floor, min(value, ceiling - _STEP))
        out.append(ceiling)
    return out
