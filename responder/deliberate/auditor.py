"""The Auditor: does policy allow it?"""

from collections.abc import Callable, Sequence

from responder.deliberate.limits import CouncilLimits
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    Case,
    Diagnosis,
    MemberRole,
    ProposedAction,
    Vote,
    VoteReason,
)
from responder.quantity import times
from responder.redaction import name


class Auditor:
    """Holds a proposal to the catalogue, to what was tried, and to the limits on actions per target.

    `clock` gives seconds since the epoch. The vote's confidence is 1 where a rule decides; a yes gets
    less sure as the target nears its limits.
    """

    role = MemberRole.AUDITOR

    def __init__(self, limits: CouncilLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:  # noqa: ARG002 - contract
        """Whether policy allows `proposal`."""
        action = proposal.action
        if proposal.target != case.incident.service:
            return self._no(
                VoteReason.TARGET_NOT_OF_INCIDENT,
                f"The target is {name(proposal.target)}, the incident is of {name(case.incident.service)}.",
            )
        if action is not ActionKind.NOOP and action not in case.allowed:
            allowed = ", ".join(sorted(case.allowed)) or "nothing"
            return self._no(
                VoteReason.NOT_IN_CATALOGUE, f"The catalogue allows {allowed} on this service, not {action}."
            )
        again = next((r for r in case.tried if r.action is action and r.target == proposal.target), None)
        if again is not None:
            return self._no(
                VoteReason.ALREADY_TRIED, f"{action} was attempt {again.attempt} of this incident already."
            )
        return self._within_limits(case, proposal)

    def _within_limits(self, case: Case, proposal: ProposedAction) -> Vote:
        limits, now = self._limits, self._clock()
        counted = recent_actions(case, proposal.target, now, limits.window_s)
        same = [r for r in counted if r.action is proposal.action]
        minutes = f"{limits.window_s / 60:.3g} min"
        if len(same) >= limits.max_same_action:
            return self._no(
                VoteReason.RATE_LIMITED,
                f"{proposal.action} ran {times(len(same))} on this target within {minutes}; "
                f"the limit is {limits.max_same_action}.",
            )
        if len(counted) >= limits.max_actions:
            return self._no(
                VoteReason.RATE_LIMITED,
                f"Actions ran {times(len(counted))} on this target within {minutes}; "
                f"the limit is {limits.max_actions}.",
            )
        rest = min((now - (r.ended_at or r.started_at) for r in same), default=limits.cool_down_s)
        if rest < limits.cool_down_s:
            return self._no(
                VoteReason.RATE_LIMITED,
                f"{proposal.action} ran {max(0.0, rest):.0f} s ago on this target; "
                f"it rests for {limits.cool_down_s:.0f} s.",
            )
        used = max(len(same) / limits.max_same_action, len(counted) / limits.max_actions)
        return Vote(
            self.role,
            True,
            round(1.0 - 0.4 * used, 3),
            VoteReason.ALLOWED,
            f"{proposal.action} is in the catalogue; on this target {len(same)} of at most "
            f"{limits.max_same_action} of its kind ran within {minutes}, and {len(counted)} of at most "
            f"{limits.max_actions} in all.",
        )

    def _no(self, reason: VoteReason, explanation: str) -> Vote:
        return Vote(self.role, False, 1.0, reason, explanation)


def recent_actions(case: Case, target: str, now: float, window_s: float) -> Sequence[ActionRecord]:
    """What ran on `target` in the last `window_s` seconds, in this incident and others.

    An action that was refused did not run.
    """
    return [
        r
        for r in (*case.tried, *case.recent)
        if r.target == target and r.outcome is not ActionOutcome.REFUSED and now - r.started_at <= window_s
    ]
