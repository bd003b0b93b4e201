"""The types the responder owns: states, diagnosis, votes, actions and the timeline of an incident.

Plain frozen dataclasses; read and written at the edges (HTTP, storage) with `pydantic.TypeAdapter`.
All times are seconds since the Unix epoch.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from detector import Incident, IncidentType


class PipelineState(StrEnum):
    """Where an incident stands. The last four are final."""

    RECEIVED = "RECEIVED"
    ANALYSING = "ANALYSING"
    COUNCIL_REVIEW = "COUNCIL_REVIEW"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    APPROVED = "APPROVED"
    EXECUTING = "EXECUTING"
    SCALING = "SCALING"
    VERIFYING = "VERIFYING"
    RESOLVED = "RESOLVED"
    REJECTED = "REJECTED"
    ESCALATED = "ESCALATED"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """True where the pipeline has nothing more to do."""
        return self in FINAL_STATES


FINAL_STATES = frozenset(
    {PipelineState.RESOLVED, PipelineState.REJECTED, PipelineState.ESCALATED, PipelineState.FAILED}
)


class ActionKind(StrEnum):
    """What a remedy does, whatever carries it out. `NOOP`: nothing is wrong, do nothing."""

    RESTART = "RESTART"
    SCALE_UP = "SCALE_UP"
    SCALE_DOWN = "SCALE_DOWN"
    CLEANUP = "CLEANUP"
    RECYCLE_POOL = "RECYCLE_POOL"
    FAILOVER = "FAILOVER"
    ROLLBACK = "ROLLBACK"
    RAISE_LIMIT = "RAISE_LIMIT"
    NOOP = "NOOP"


@dataclass(frozen=True, slots=True)
class ProposedAction:
    """A remedy the analyst proposes: which action on which service, why, and how far the evidence speaks for
    it (`confidence`, 0 to 1, no probability: bars are held to it)."""

    action: ActionKind
    target: str
    reason: str
    confidence: float


class DiagnosisOutcome(StrEnum):
    """What kind of answer a diagnosis is."""

    FAULT = "fault"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"
    NOTHING_WRONG = "nothing_wrong"


class AttemptOutcome(StrEnum):
    """What became of asking one provider for a diagnosis. The last four: it was not asked."""

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    BAD_ANSWER = "bad_answer"
    FAILED = "failed"
    OVER_BUDGET = "over_budget"
    BREAKER_OPEN = "breaker_open"
    NO_TIME_LEFT = "no_time_left"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class ProviderAttempt:
    """One provider that was to diagnose: how that went, and what it took. `model` is "" for the offline
    analyst."""

    provider: str
    model: str
    outcome: AttemptOutcome
    detail: str
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an analyst concluded. `proposals` are best first; `citations` are ids of evidence. Where it is
    `calibrated`, `confidence` is the share of such diagnoses that was right when it was measured.
    `attempts`: which providers were tried, in order, where there was more than one way to diagnose."""

    outcome: DiagnosisOutcome
    incident_type: IncidentType
    root_cause: str
    confidence: float
    citations: tuple[str, ...]
    proposals: tuple[ProposedAction, ...]
    analyst: str
    attempts: tuple[ProviderAttempt, ...] = ()
    calibrated: bool = False


class MemberRole(StrEnum):
    """The three seats of the council."""

    SECURITY_OFFICER = "security_officer"
    AUDITOR = "auditor"
    SRE_LEAD = "sre_lead"


class VoteReason(StrEnum):
    """Why a member voted as it did, for tests, metrics and people alike."""

    SAFE = "safe"
    ALLOWED = "allowed"
    LIKELY_TO_HELP = "likely_to_help"
    NOT_IN_CATALOGUE = "not_in_catalogue"
    TARGET_NOT_OF_INCIDENT = "target_not_of_incident"
    TOO_RISKY = "too_risky"
    CONFIDENCE_TOO_LOW = "confidence_too_low"
    RATE_LIMITED = "rate_limited"
    ALREADY_TRIED = "already_tried"
    DOES_NOT_FIT = "does_not_fit"
    POOR_RECORD = "poor_record"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Vote:
    """One member's answer: approve or not, how sure (0 to 1), and why.

    `answered_by`: `offline` where rules alone answered, else `provider/model`; empty where nobody did.
    """

    member: MemberRole
    approve: bool
    confidence: float
    reason: VoteReason
    explanation: str
    answered_by: str = "offline"


class Verdict(StrEnum):
    """Tally of three votes: 3/3, 2/3, fewer; `NO_ACTION` when there is nothing to vote on."""

    APPROVED = "approved"
    APPROVED_RISKY = "approved_risky"
    ESCALATED = "escalated"
    NO_ACTION = "no_action"


class ActionOutcome(StrEnum):
    """What became of an action. `INTERRUPTED`: the responder died while it ran, or what should have
    carried it out gave no answer in time, so that it is unknown whether it took effect; it is not run
    again, verification decides."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


class VerificationOutcome(StrEnum):
    """Did the telemetry show that the action helped?"""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    MADE_WORSE = "made_worse"


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One attempt: what was decided, done, and seen afterwards. `incident_type`: of the incident it was
    done in, None where that is not known. `undo`: what came of taking it back, None where nobody tried."""

    attempt: int
    action: ActionKind
    target: str
    outcome: ActionOutcome
    detail: str
    started_at: float
    ended_at: float | None = None
    risky: bool = False
    verification: VerificationOutcome | None = None
    verification_detail: str = ""
    incident_type: IncidentType | None = None
    undo: ActionOutcome | None = None
    undo_detail: str = ""


@dataclass(frozen=True, slots=True)
class CouncilDecision:
    """The three votes on one proposal, and what they came to."""

    attempt: int
    proposal: ProposedAction
    votes: tuple[Vote, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Something that happened to an incident, in the order of `seq`. `state` is the state after it."""

    seq: int
    at: float
    state: PipelineState
    message: str


@dataclass(frozen=True, slots=True)
class PastOutcome:
    """How often an action helped against a pattern like this incident's, from the runbook."""

    action: ActionKind
    successes: int
    failures: int


@dataclass(frozen=True, slots=True)
class RunbookMatch:
    """A learned entry that resembles the incident; `similarity` is a cosine, 0 to 1."""

    entry_id: str
    incident_type: IncidentType
    similarity: float
    confidence: float
    outcomes: tuple[PastOutcome, ...]
    incident_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WeighedOutcomes:
    """Outcomes of an action: `successes` and `failures` weighed (by age, by circumstances), and as whole
    counts how often it helped (`helped`) of how often it was `seen`."""

    successes: float = 0.0
    failures: float = 0.0
    helped: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Experience:
    """What became of an action in incidents of one type: on the service at hand, on others (each of them
    worth at most one outcome), and by what was imported. Rests on types, services and outcomes alone; no
    text has a part in it."""

    incident_type: IncidentType
    action: ActionKind
    here: WeighedOutcomes = WeighedOutcomes()
    elsewhere: WeighedOutcomes = WeighedOutcomes()
    imported: WeighedOutcomes = WeighedOutcomes()


@dataclass(frozen=True, slots=True)
class Case:
    """All that analyst and council may know when they decide about one incident.

    `allowed`: what the catalogue lets be done to the incident's service (empty: not in the catalogue).
    `tried`: what was done in this incident so far. `recent`: actions on the same target by other
    incidents, newest first. `matches`: what the runbook remembers, most similar first; to be shown.
    `experience`: what the runbook has seen of each action; it weighs on the choice.
    """

    incident: Incident
    allowed: frozenset[ActionKind]
    tried: tuple[ActionRecord, ...] = ()
    recent: tuple[ActionRecord, ...] = ()
    matches: tuple[RunbookMatch, ...] = ()
    experience: tuple[Experience, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """An incident with all that the responder did about it; what `GET /incidents/{id}` shows."""

    incident: Incident
    state: PipelineState
    received_at: float
    updated_at: float
    source: str  # "detector" or "webhook"
    diagnosis: Diagnosis | None = None
    decisions: tuple[CouncilDecision, ...] = ()
    actions: tuple[ActionRecord, ...] = ()
    timeline: tuple[TimelineEvent, ...] = field(default=())
    resolved_at: float | None = None
