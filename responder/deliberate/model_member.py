"""A council member that a language model answers for, over the rules of the offline member."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from opentelemetry.metrics import Meter

from detector.hosting.registry import counter
from responder import telemetry_registry as told
from responder.deliberate.ballot import Ballot, Ballots
from responder.deliberate.member import CouncilMember
from responder.diagnose.llm import AttemptTelling, BadAnswer, GuardedProvider
from responder.diagnose.llm.answer import MAX_CONFIDENCE
from responder.diagnose.llm.model_calls import ModelCalls
from responder.diagnose.llm.prompt import repair
from responder.diagnose.reading import LogPatterns, Reading
from responder.incident_record import (
    ActionKind,
    AttemptOutcome,
    Case,
    Diagnosis,
    ProposedAction,
    ProviderAttempt,
    Vote,
    VoteReason,
)
from responder.quantity import percent
from responder.redaction import citation, sanitised

_SILENT = frozenset(AttemptOutcome) - {
    AttemptOutcome.ANSWERED,
    AttemptOutcome.BAD_ANSWER,
    AttemptOutcome.NOT_NEEDED,
    AttemptOutcome.NO_TIME_LEFT,
}
"""Outcomes of a diagnosis after which its provider is not worth waiting for in the same incident."""

_NOT_WAITED_FOR = "it gave no answer to the diagnosis of this incident"

_AGAINST = {
    VoteReason.TOO_RISKY: "holds that {action} may do more harm than this incident",
    VoteReason.RATE_LIMITED: "holds that too much was done to this service lately for {action}",
    VoteReason.CONFIDENCE_TOO_LOW: "holds the diagnosis to be too unsure for {action}",
    VoteReason.DOES_NOT_FIT: "holds that {action} does not act on what the evidence shows",
    VoteReason.POOR_RECORD: "holds that {action} has failed too often in such incidents",
}


def vote_telling(meter: Meter) -> AttemptTelling:
    """Tells of attempts to vote, for all members together."""
    counted = counter(meter, told.COUNCIL_ATTEMPTS)
    return AttemptTelling(counted, "vote", "aegisops.vote.attempt", "aegisops.vote.detail")


class ModelMember:
    """Implements `CouncilMember`: the offline member decides by its rules, then a model may object.

    A no of the offline member stands, whatever for, and no model is asked. Its yes is put to the models in
    order until one answers: that answer is the vote. Where none does within `deadline_s` (which must be
    less than the council's own deadline), the offline yes stands and says so. So a council with models
    approves nothing that it would not approve without them. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        offline: CouncilMember,
        providers: Sequence[GuardedProvider],
        ballots: Ballots,
        *,
        deadline_s: float,
        clock: Callable[[], float],
        telling: AttemptTelling,
        patterns: LogPatterns | None = None,
    ) -> None:
        self.role = offline.role
        self._offline = offline
        self._providers = tuple(providers)
        self._ballots = ballots
        self._deadline_s = deadline_s
        self._clock = clock
        self._patterns = patterns or LogPatterns.load()
        self._telling = telling

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        """This member's vote on `proposal`."""
        until = self._clock() + self._deadline_s
        known = self._offline.vote(case, diagnosis, proposal)
        if not known.approve or proposal.action is ActionKind.NOOP:
            return known
        reading = Reading(case.incident, self._patterns)
        ballot = self._ballots.of(case, reading, diagnosis, proposal, known)
        if ballot is None:
            return known
        silent = {one.provider for one in diagnosis.attempts if one.outcome in _SILENT}
        attempts: list[ProviderAttempt] = []
        for provider in self._providers:
            if provider.provider.name in silent:
                vote, attempt = None, provider.not_asked(AttemptOutcome.NOT_NEEDED, _NOT_WAITED_FOR)
            else:
                vote, attempt = self._asked(provider, ballot, proposal, known, until)
            attempts.append(attempt)
            self._telling.tell(attempt)
            if vote is not None:
                return vote
        why = ", ".join(f"{one.provider}: {_why_not(one)}" for one in attempts)
        return replace(known, explanation=f"{known.explanation} No model voted ({why}).")

    def _asked(
        self,
        provider: GuardedProvider,
        ballot: Ballot,
        proposal: ProposedAction,
        known: Vote,
        until: float,
    ) -> tuple[Vote | None, ProviderAttempt]:
        who = sanitised(f"{provider.provider.name}/{provider.provider.model}", 100)
        return provider.attempt(until, lambda calls: _vote(calls, ballot, proposal, known, who))


def _why_not(attempt: ProviderAttempt) -> str:
    return attempt.detail if attempt.outcome is AttemptOutcome.NOT_NEEDED else attempt.outcome.value


def _vote(calls: ModelCalls, ballot: Ballot, proposal: ProposedAction, known: Vote, who: str) -> Vote:
    """The vote of the provider behind `calls`, in words of ours. Raises ProviderError."""
    said = calls.complete(ballot.prompt)
    try:
        answer, cited = ballot.read(said)
    except BadAnswer as error:
        answer, cited = ballot.read(calls.complete(repair(ballot.prompt, said, error)))
    stated = round(min(answer.confidence, MAX_CONFIDENCE), 3)
    sure = f"{percent(stated)} sure by its own word {citation(cited.evidence.id)}."
    if answer.vote is ballot.yes:
        told = f"{known.explanation} {who} agrees, {sure}"
        return replace(known, confidence=min(stated, known.confidence), explanation=told, answered_by=who)
    objection = _AGAINST[answer.vote].format(action=proposal.action)
    told = f"{who} {objection}, {sure} The rules alone would have let it pass ({known.reason})."
    return Vote(known.member, False, stated, answer.vote, told, who)
