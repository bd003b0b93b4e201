"""The Security Officer: is it safe?"""

from detector import Severity
from responder.deliberate.effects import Effect, Effects
from responder.deliberate.limits import CouncilLimits
from responder.diagnose.reading import LogPatterns, Reading, share
from responder.incident_record import (
    ActionKind,
    Case,
    Diagnosis,
    MemberRole,
    ProposedAction,
    Vote,
    VoteReason,
)
from responder.quantity import percent
from responder.redaction import name

_USERS_SUFFER = ("error_ratio", "server_latency", "silence", "restarts", "alert")
_CLEAR = 0.5
_TYPE_NAMED = 0.4


class SecurityOfficer:
    """Weighs the harm an action can do against the severity of the incident.

    Says no to what the catalogue does not declare or reaches another service, to an action that
    deletes where nothing shows that the resource it frees is short, to interrupting a large healthy
    part of a service whose users are served well, and to risk out of proportion.
    """

    role = MemberRole.SECURITY_OFFICER

    def __init__(
        self,
        limits: CouncilLimits | None = None,
        effects: Effects | None = None,
        patterns: LogPatterns | None = None,
    ) -> None:
        self._limits = limits or CouncilLimits()
        self._effects = effects or Effects.load()
        self._patterns = patterns or LogPatterns.load()

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:  # noqa: ARG002 - contract
        """Whether `proposal` is safe."""
        action = proposal.action
        if proposal.target != case.incident.service:
            return self._no(
                VoteReason.TARGET_NOT_OF_INCIDENT,
                1.0,
                f"{action} would touch {name(proposal.target)}, where nothing is known to be wrong.",
            )
        if action is not ActionKind.NOOP and action not in case.allowed:
            return self._no(
                VoteReason.NOT_IN_CATALOGUE,
                1.0,
                f"{action} has no declared way for this service, so none that is safe.",
            )
        effect = self._effects.actions[action]
        reading = Reading(case.incident, self._patterns)
        if effect.deletes and not self._short_of(effect, reading):
            resource = " or ".join(effect.frees)
            return self._no(
                VoteReason.TOO_RISKY,
                0.9,
                f"{action} deletes data, and no evidence shows {resource} running short.",
            )
        return self._weighed(case, proposal, effect, reading)

    def _weighed(self, case: Case, proposal: ProposedAction, effect: Effect, reading: Reading) -> Vote:
        severity = case.incident.severity
        healthy = _healthy_share(reading) if effect.interrupts else 0.0
        if healthy > self._limits.max_healthy_share and severity is not Severity.CRITICAL:
            return self._no(
                VoteReason.TOO_RISKY,
                0.6 + 0.4 * healthy,
                f"{proposal.action} would interrupt up to {percent(healthy)} of instances in good order; "
                f"{percent(self._limits.max_healthy_share)} is the limit at severity {severity}.",
            )
        # An action of uncertain use must carry its risk alone: full weight at half confidence.
        risk = min(1.0, (effect.risk + 0.3 * healthy) * (1.5 - share(proposal.confidence)))
        tolerated = self._effects.tolerated_risk[severity]
        ground = f"its risk is {risk:.2f}, and severity {severity} is worth up to {tolerated:.2f}"
        if risk > tolerated:
            return self._no(
                VoteReason.TOO_RISKY,
                min(1.0, 0.5 + risk - tolerated),
                f"{proposal.action} is out of proportion: {ground}.",
            )
        touched = f"; it interrupts up to {percent(healthy)} of instances in good order" if healthy else ""
        return Vote(
            self.role,
            True,
            round(min(1.0, 0.5 + (tolerated - risk)), 3),
            VoteReason.SAFE,
            f"{proposal.action} is in proportion: {ground}{touched}.",
        )

    def _short_of(self, effect: Effect, reading: Reading) -> bool:
        near = self._effects.near_the_cause
        return any(
            reading.strength(signal) >= _CLEAR
            or (reading.measured and signal in near and reading.belief(near[signal]) >= _TYPE_NAMED)
            for signal in effect.frees
        )

    def _no(self, reason: VoteReason, confidence: float, explanation: str) -> Vote:
        return Vote(self.role, False, round(confidence, 3), reason, explanation)


def _healthy_share(reading: Reading) -> float:
    """The share of instances no evidence names, 0 where users suffer or it cannot be told.

    An upper bound: evidence names the instance that told most, and others may be like it.
    """
    instances = set(reading.incident.instances)
    if not instances or any(reading.strength(signal) >= _CLEAR for signal in _USERS_SUFFER):
        return 0.0
    named = [e.instance for e in reading.evidence if e.signal != "request_rate"]
    if any(instance is None for instance in named):
        return 0.0
    return len(instances - {i for i in named if i is not None}) / len(instances)
