"""The SRE Lead: will it fix this?"""

from collections.abc import Callable

from responder.deliberate.auditor import recent_actions
from responder.deliberate.effects import Effects
from responder.deliberate.limits import CouncilLimits
from responder.diagnose.reading import LogPatterns, Reading
from responder.diagnose.record import track_record
from responder.incident_record import Case, Diagnosis, MemberRole, ProposedAction, Vote, VoteReason
from responder.quantity import percent, times
from responder.series_name import signal_name


class SreLead:
    """Asks whether the action acts on what the evidence shows, by a table of its own (`effects.yaml`).

    The analyst's confidence only has to pass a bar; the vote rests on the member's own estimate: the
    share of the evidence the action can mend, moved by the runbook's outcomes for this type. A remedy
    that was needed again and again against the same type of fault on one target does not hold, and is
    refused as well.
    `clock` gives seconds since the epoch.
    """

    role = MemberRole.SRE_LEAD

    def __init__(
        self,
        limits: CouncilLimits,
        clock: Callable[[], float],
        effects: Effects | None = None,
        patterns: LogPatterns | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._effects = effects or Effects.load()
        self._patterns = patterns or LogPatterns.load()

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        """Whether `proposal` is likely to end the incident."""
        limits, action = self._limits, proposal.action
        if proposal.target != case.incident.service:
            return self._no(VoteReason.DOES_NOT_FIT, 1.0, f"{action} elsewhere does not mend this service.")
        if any(r.action is action and r.target == proposal.target for r in case.tried):
            return self._no(
                VoteReason.ALREADY_TRIED, 0.95, f"{action} was tried in this incident and did not end it."
            )
        repeats = self._repeats(case, proposal)
        if repeats >= limits.max_repeats:
            return self._no(
                VoteReason.POOR_RECORD,
                0.85,
                f"{action} was needed {times(repeats)} against the same fault within "
                f"{limits.window_s / 60:.3g} min: it does not hold.",
            )
        if not proposal.confidence >= limits.min_confidence:
            return self._no(
                VoteReason.CONFIDENCE_TOO_LOW,
                0.8,
                f"The analyst is only {percent(proposal.confidence)} sure of {action}; "
                f"{percent(limits.min_confidence)} is the bar.",
            )
        return self._fitting(case, diagnosis, proposal)

    def _fitting(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        limits, action = self._limits, proposal.action
        reading = Reading(case.incident, self._patterns)
        fit = self._effects.fit(action, reading)
        record = track_record(case, diagnosis.incident_type, action)
        if record.count >= limits.min_record and record.successes < limits.poor_record * record.count:
            return self._no(VoteReason.POOR_RECORD, 0.85, f"{action} has a poor record: {record}.")
        estimate = record.updated(fit)
        weights = self._effects.weights(reading)
        heaviest = sorted(weights, key=lambda s: -weights[s])[:3]
        signals = ", ".join(signal_name(signal) for signal in heaviest) or "no signal"
        ground = f"{action} can mend {percent(fit)} of the evidence ({signals})"
        if record.count >= 0.5:
            ground += f", and {record}"
        if estimate < limits.min_fit:
            return self._no(
                VoteReason.DOES_NOT_FIT,
                1.0 - estimate,
                f"{ground}: a chance of about {percent(estimate)}; {percent(limits.min_fit)} is the bar.",
            )
        return Vote(
            self.role,
            True,
            round(estimate, 3),
            VoteReason.LIKELY_TO_HELP,
            f"{ground}: a chance of about {percent(estimate)}.",
        )

    def _repeats(self, case: Case, proposal: ProposedAction) -> int:
        """How often it was needed against this type of fault; what it was needed for may be unknown."""
        recent = recent_actions(case, proposal.target, self._clock(), self._limits.window_s)
        return sum(
            record.action is proposal.action and record.incident_type in (None, case.incident.type)
            for record in recent
        )

    def _no(self, reason: VoteReason, confidence: float, explanation: str) -> Vote:
        return Vote(self.role, False, round(confidence, 3), reason, explanation)
