"""Three made-up services that leak memory, and which remedy ends that on which of them.

This is the simulation: nothing is started or stopped. On two services a restart helps, as it usually does. On
the third it does not, since the process reads back at its start what filled it; more instances help there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from aegisops.bench.synthetic_fault import KINDS
from aegisops.bench.synthetic_incident import draw_examples
from detector import Incident, IncidentType
from responder.incident_record import ActionKind

ALLOWED = frozenset({ActionKind.RESTART, ActionKind.SCALE_UP, ActionKind.ROLLBACK})
ODD = "ledger"

_USUAL = {ActionKind.RESTART: 0.95, ActionKind.SCALE_UP: 0.3, ActionKind.ROLLBACK: 0.3}
HELPS: Mapping[str, Mapping[ActionKind, float]] = {
    "checkout": _USUAL,
    "billing": _USUAL,
    ODD: {ActionKind.RESTART: 0.05, ActionKind.SCALE_UP: 0.9, ActionKind.ROLLBACK: 0.3},
}
"""How often an action ends the leak, by service."""

_SPARE = 4  # of the drawn leaks some are not detected, or detected as something else


@dataclass(frozen=True, slots=True)
class SimulatedIncident:
    """An incident as the detector's engine reports it, and the actions that would end it."""

    incident: Incident
    ends_with: frozenset[ActionKind]


def draw_incidents(seed: int, count: int) -> Iterator[SimulatedIncident]:
    """`count` leaks, each on a service by lot. What would end one is drawn beforehand, so that it does not
    depend on what is tried."""
    leak = next(kind for kind in KINDS if kind.name == "leak")
    rng = np.random.default_rng([seed, 1])
    names = sorted(HELPS)
    drawn = 0
    for example in draw_examples(seed, count * _SPARE, [leak]):
        if (
            example is None
            or example.incident is None
            or example.incident.type is not IncidentType.MEMORY_OOM
        ):
            continue
        service = names[int(rng.integers(len(names)))]
        chances = HELPS[service]
        ends_with = frozenset(action for action in sorted(chances) if rng.random() < chances[action])
        yield SimulatedIncident(_on(example.incident, service, f"INC-{seed}-{drawn}"), ends_with)
        drawn += 1
        if drawn == count:
            return
    raise RuntimeError(f"only {drawn} of {count} drawn leaks were detected as such; draw more")


def _on(incident: Incident, service: str, incident_id: str) -> Incident:
    evidence = tuple(replace(one, service=service) for one in incident.evidence)
    return replace(incident, id=incident_id, service=service, evidence=evidence)
