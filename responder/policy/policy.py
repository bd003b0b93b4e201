"""The policy: may this be done, to this service, now? Whatever the council voted."""

from collections.abc import Callable

from detector import Incident
from responder.incident_record import ActionKind, Case, ProposedAction
from responder.policy.declared import Mode, PolicyDocument, ServicePolicy, Window
from responder.policy.flapping import open_until
from responder.policy.history import History, PastAction
from responder.policy.maintenance import open_windows
from responder.policy.reach import Reach
from responder.policy.ruling import PolicyDecision, PolicyReason, PolicyRuling
from responder.quantity import percent, times

_ACT, _ASK, _REFUSE = PolicyDecision.ACT, PolicyDecision.ASK, PolicyDecision.REFUSE


class Policy:
    """Rules on proposals by the document that holds now.

    It sees no vote, no diagnosis and no confidence: only what is to be done to what, the incident's
    service and instances, and the past. `document` gives None where there is no policy file: then
    everything is observed.
    """

    def __init__(self, document: Callable[[], PolicyDocument | None], history: History, reach: Reach) -> None:
        self._document = document
        self._history = history
        self._reach = reach

    def allowed(self, incident: Incident, catalogue: frozenset[ActionKind]) -> frozenset[ActionKind]:
        """Which of the catalogue's actions may be thought of at all (the mode aside)."""
        document = self._document()
        entry = document.entry(incident.service, incident.namespace) if document else None
        if entry is None or entry.actions is None:
            return catalogue
        return catalogue & frozenset(entry.actions)

    def rule(self, case: Case, proposal: ProposedAction, now: float) -> PolicyRuling:
        """Act, ask a human, or refuse, at `now` (seconds since the epoch)."""
        document, incident = self._document(), case.incident
        foreign = _foreign(case, proposal)
        if foreign is not None:
            return foreign
        if document is None:
            return _refuse(
                PolicyReason.NO_POLICY,
                f"observe mode, as there is no policy file: {_would(proposal)}",
            )
        entry = document.entry(incident.service, incident.namespace)
        if entry is None:
            return _refuse(
                PolicyReason.NOT_IN_SCOPE,
                f"observe mode, as the policy has no entry for {_full_name(incident)}: {_would(proposal)}",
            )
        windows = open_windows(entry.maintenance, now, document.timezone)
        return (
            _outside(entry, windows, proposal)
            or self._flapping(entry, proposal, now)
            or self._limited(entry, case, proposal, now)
            or self._too_wide(entry, case, proposal)
            or _agreed(entry, windows, proposal)
        )

    def _flapping(self, entry: ServicePolicy, proposal: ProposedAction, now: float) -> PolicyRuling | None:
        breaker = entry.breaker
        since = now - breaker.window_s - breaker.open_s
        told = (
            ("incidents", breaker.incidents, self._history.incidents_on(proposal.target, since)),
            ("actions", breaker.actions, [one.started_at for one in self._actions(proposal, since)]),
        )
        for what, threshold, moments in told:
            until = open_until(moments, threshold, breaker.window_s, breaker.open_s)
            if until is not None and until > now:
                return _refuse(
                    PolicyReason.FLAPPING,
                    f"{proposal.target[:100]} is flapping: {threshold} {what} or more within "
                    f"{_minutes(breaker.window_s)}; nothing is done to it for {_minutes(until - now)} "
                    f"({_would(proposal)})",
                )
        return None

    def _limited(
        self, entry: ServicePolicy, case: Case, proposal: ProposedAction, now: float
    ) -> PolicyRuling | None:
        limits, action = entry.limits, proposal.action
        done = self._actions(proposal, now - max(limits.window_s, entry.cool_down_s))
        counted = [one for one in done if now - one.started_at <= limits.window_s]
        same = [one for one in counted if one.action is action]
        if len(counted) >= limits.max_actions:
            return _refuse(
                PolicyReason.RATE_LIMITED,
                f"actions ran {times(len(counted))} on this target within {_minutes(limits.window_s)}; "
                f"the policy allows {limits.max_actions}",
            )
        if len(same) >= limits.of(action):
            return _refuse(
                PolicyReason.ACTION_RATE_LIMITED,
                f"{action} ran {times(len(same))} on this target within {_minutes(limits.window_s)}; "
                f"the policy allows {limits.of(action)}",
            )
        others = [one for one in done if one.incident_id != case.incident.id]
        rested = min((now - (one.ended_at or one.started_at) for one in others), default=None)
        if rested is not None and rested < entry.cool_down_s:
            return _refuse(
                PolicyReason.COOLING_DOWN,
                f"an action of another incident ended {max(0.0, rested):.0f} s ago on this target; the "
                f"policy lets it rest for {entry.cool_down_s:.0f} s",
            )
        return None

    def _too_wide(self, entry: ServicePolicy, case: Case, proposal: ProposedAction) -> PolicyRuling | None:
        touched = self._reach.touches(proposal.target, proposal.action)
        if touched == 0:
            return None
        instances = len(case.incident.instances)
        # What cannot be told is taken for all of them.
        share = 1.0 if touched is None or not instances else min(1.0, touched / instances)
        if share <= entry.max_share:
            return None
        of = (
            f"{min(touched, instances)} of {instances}"
            if touched is not None and instances
            else "perhaps all"
        )
        return _refuse(
            PolicyReason.BLAST_RADIUS,
            f"{proposal.action} touches {of} instances at once; the policy allows {percent(entry.max_share)}",
        )

    def _actions(self, proposal: ProposedAction, since: float) -> list[PastAction]:
        return list(self._history.actions_on(proposal.target, since))


def _foreign(case: Case, proposal: ProposedAction) -> PolicyRuling | None:
    """What is none of this incident's business, whatever the policy says."""
    action, service = proposal.action, case.incident.service
    if proposal.target != service:
        return _refuse(
            PolicyReason.TARGET_NOT_OF_INCIDENT,
            f"{action} is meant for {proposal.target[:100]}, and the incident is of {service[:100]}",
        )
    if action not in case.allowed:  # NOOP never is
        return _refuse(PolicyReason.NOT_IN_CATALOGUE, f"{action} is not among what may be done here")
    return None


def _outside(entry: ServicePolicy, windows: list[Window], proposal: ProposedAction) -> PolicyRuling | None:
    """What the entry rules out by itself, whatever happened before."""
    if entry.actions is not None and proposal.action not in entry.actions:
        return _refuse(PolicyReason.ACTION_NOT_ALLOWED, f"the policy does not allow {proposal.action} here")
    if entry.mode is Mode.OBSERVE:
        return _refuse(PolicyReason.OBSERVE_MODE, f"observe mode: {_would(proposal)}")
    closed = next((one for one in windows if one.effect == "observe"), None)
    if closed is not None:
        return _refuse(PolicyReason.MAINTENANCE, f"observe mode, {_window(closed)}: {_would(proposal)}")
    return None


def _agreed(entry: ServicePolicy, windows: list[Window], proposal: ProposedAction) -> PolicyRuling:
    """Nothing speaks against it: act, or ask a human."""
    told = f"{proposal.action} of {proposal.target[:100]}"
    if entry.mode is Mode.AUTO and not windows:
        return PolicyRuling(_ACT, PolicyReason.ALLOWED, f"the policy allows {told}")
    if entry.mode is Mode.AUTO:
        reason, why = PolicyReason.MAINTENANCE, _window(windows[0])
    else:
        reason, why = PolicyReason.NEEDS_APPROVAL, "approve mode"
    return PolicyRuling(_ASK, reason, f"{why}: a human must agree to {told}", entry.approval_timeout_s)


def _refuse(reason: PolicyReason, explanation: str) -> PolicyRuling:
    return PolicyRuling(_REFUSE, reason, explanation)


def _would(proposal: ProposedAction) -> str:
    return f"would have done {proposal.action} of {proposal.target[:100]}"


def _full_name(incident: Incident) -> str:
    return (
        f"{incident.namespace[:100]}/{incident.service[:100]}"
        if incident.namespace
        else incident.service[:100]
    )


def _window(window: Window) -> str:
    return f"maintenance from {window.begins} to {window.ends}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.3g} min"
