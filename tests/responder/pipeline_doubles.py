"""Doubles of the rooms, scripted through their public contracts, and a pipeline made of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from opentelemetry import metrics, trace

from detector import (
    AnomalyReason,
    Evidence,
    EvidenceKind,
    Incident,
    IncidentState,
    IncidentType,
    Severity,
    TypeCandidate,
)
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    Case,
    CouncilDecision,
    Diagnosis,
    DiagnosisOutcome,
    Experience,
    IncidentRecord,
    MemberRole,
    ProposedAction,
    RunbookMatch,
    Verdict,
    VerificationOutcome,
    Vote,
    VoteReason,
)
from responder.pipeline import (
    SINGLE,
    Deliberation,
    DirectSteps,
    Pipeline,
    PipelineSteps,
    Rooms,
    Steps,
    StepsConfig,
    StopGate,
)
from responder.policy import PolicyDecision, PolicyReason, PolicyRuling
from responder.remediate import ActionResult, DryRun, PriorState, StepOutcome
from responder.store import Database, Store
from responder.telemetry import PipelineMetrics, Stages
from responder.verify import Verification

ACT = PolicyRuling(PolicyDecision.ACT, PolicyReason.ALLOWED, "the policy allows it")
ASK = PolicyRuling(PolicyDecision.ASK, PolicyReason.NEEDS_APPROVAL, "a human must agree", 60.0)
OBSERVE = PolicyRuling(
    PolicyDecision.REFUSE, PolicyReason.OBSERVE_MODE, "observe mode: would have done RESTART of shop"
)
NOT_THIS = PolicyRuling(PolicyDecision.REFUSE, PolicyReason.ACTION_NOT_ALLOWED, "not this one")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def make_evidence(id_: str = "e1", service: str = "shop") -> Evidence:
    return Evidence(
        id=id_,
        kind=EvidenceKind.METRIC,
        signal="memory",
        reason=AnomalyReason.LIMIT_REACHED,
        service=service,
        series="process.memory.usage:value",
        description="memory use is at its limit",
        unit="By",
        before=1e8,
        now=9e8,
        low=0.0,
        high=2e8,
        score=0.99,
        weight=1.0,
        first_seen=1000.0,
        last_seen=1001.0,
    )


def make_incident(
    id_: str = "INC-1",
    revision: int = 1,
    service: str = "shop",
    state: IncidentState = IncidentState.OPEN,
    confidence: float = 0.9,
) -> Incident:
    return Incident(
        id=id_,
        revision=revision,
        service=service,
        namespace="",
        type=IncidentType.MEMORY_OOM,
        confidence=confidence,
        severity=Severity.HIGH,
        state=state,
        started_at=1000.0,
        opened_at=1001.0,
        updated_at=1001.0,
        closed_at=None,
        summary="memory of shop is at its limit",
        evidence=(make_evidence(service=service),),
        candidates=(TypeCandidate(IncidentType.MEMORY_OOM, confidence),),
        traceparent=TRACEPARENT,
    )


@dataclass
class Clock:
    """Time that passes when somebody sleeps."""

    now: float = 1002.0
    on_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep()


def proposal(action: ActionKind, service: str = "shop", confidence: float = 0.9) -> ProposedAction:
    return ProposedAction(action=action, target=service, reason="it would help", confidence=confidence)


@dataclass
class ScriptedAnalyst:
    """Proposes what it is told to, without what was tried."""

    proposals: Sequence[ProposedAction] = (proposal(ActionKind.RESTART), proposal(ActionKind.SCALE_UP))
    outcome: DiagnosisOutcome = DiagnosisOutcome.FAULT
    on_diagnose: Callable[[Case], None] = lambda case: None
    cases: list[Case] = field(default_factory=list)
    name: str = "scripted"

    def diagnose(self, case: Case) -> Diagnosis:
        self.cases.append(case)
        self.on_diagnose(case)
        tried = {one.action for one in case.tried}
        return Diagnosis(
            outcome=self.outcome,
            incident_type=case.incident.type,
            root_cause="memory leaks",
            confidence=0.9,
            citations=("e1",),
            proposals=tuple(one for one in self.proposals if one.action not in tried),
            analyst=self.name,
        )


@dataclass
class ScriptedCouncil:
    """Decides by action; approves what it knows nothing of."""

    verdicts: Mapping[ActionKind, Verdict] = field(default_factory=dict)
    on_decide: Callable[[], None] = lambda: None
    asked: list[ProposedAction] = field(default_factory=list)

    def decide(
        self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction, attempt: int
    ) -> CouncilDecision:
        self.asked.append(proposal)
        self.on_decide()
        default = Verdict.NO_ACTION if proposal.action is ActionKind.NOOP else Verdict.APPROVED
        verdict = self.verdicts.get(proposal.action, default)
        yes = {Verdict.APPROVED: 3, Verdict.APPROVED_RISKY: 2, Verdict.ESCALATED: 1}.get(verdict, 0)
        votes = tuple(
            Vote(role, i < yes, 0.9, VoteReason.SAFE if i < yes else VoteReason.TOO_RISKY, "because")
            for i, role in enumerate(MemberRole)
        )
        return CouncilDecision(attempt, proposal, votes if yes else (), verdict)


@dataclass
class ScriptedRemedies:
    """Performs nothing, and remembers what it was asked to."""

    actions: frozenset[ActionKind] = frozenset({ActionKind.RESTART, ActionKind.SCALE_UP})
    steps: int = 1
    outcomes: Mapping[ActionKind, ActionOutcome] = field(default_factory=dict)
    looked: StepOutcome = StepOutcome.UNKNOWN
    on_perform: Callable[[], None] = lambda: None
    performed: list[tuple[ActionKind, int, str]] = field(default_factory=list)
    possible: bool = True
    undoable: frozenset[ActionKind] = frozenset()
    undo_outcome: ActionOutcome = ActionOutcome.SUCCEEDED
    undone: list[tuple[ActionKind, int, PriorState]] = field(default_factory=list)
    priors: list[PriorState | None] = field(default_factory=list)

    def allowed(self, service: str) -> frozenset[ActionKind]:
        return self.actions if service == "shop" else frozenset()

    def step_count(self, service: str, action: ActionKind) -> int:
        return self.steps

    def time_limit_s(self, service: str, action: ActionKind, index: int) -> float:
        return 30.0

    def observe(self, service: str, action: ActionKind, index: int) -> PriorState:
        return {"pid": "7"}

    def already_done(self, service: str, action: ActionKind, index: int, prior: PriorState) -> StepOutcome:
        return self.looked

    def perform(
        self, service: str, action: ActionKind, index: int, key: str, prior: PriorState | None = None
    ) -> ActionResult:
        self.performed.append((action, index, key))
        self.priors.append(prior)
        self.on_perform()
        outcome = self.outcomes.get(action, ActionOutcome.SUCCEEDED)
        return ActionResult(outcome, f"{action} {outcome}")

    def dry_run(self, service: str, action: ActionKind, index: int) -> DryRun:
        return DryRun(self.possible, f"step {index} would run")

    def can_undo(self, service: str, action: ActionKind, index: int) -> bool:
        return action in self.undoable

    def undo(self, service: str, action: ActionKind, index: int, prior: PriorState, key: str) -> ActionResult:
        self.undone.append((action, index, prior))
        return ActionResult(self.undo_outcome, f"step {index} back: {self.undo_outcome}")


@dataclass
class ScriptedVerifier:
    """Answers by turns; recovered when it has no more to say."""

    outcomes: list[VerificationOutcome] = field(default_factory=list)
    asked: list[tuple[str, float]] = field(default_factory=list)

    def verify(self, incident: Incident, acted_at: float) -> Verification:
        self.asked.append((incident.id, acted_at))
        outcome = self.outcomes.pop(0) if self.outcomes else VerificationOutcome.RECOVERED
        return Verification(outcome, f"looked: {outcome}", ())


@dataclass
class ScriptedRunbook:
    """Remembers the records it was given."""

    learned: list[IncidentRecord] = field(default_factory=list)
    fail: bool = False

    def matches(self, incident: Incident) -> tuple[RunbookMatch, ...]:
        return ()

    def experience(self, incident: Incident) -> tuple[Experience, ...]:
        return ()

    def learn(self, record: IncidentRecord) -> None:
        if self.fail:
            raise RuntimeError("no room left")
        self.learned.append(record)


@dataclass
class ScriptedPolicy:
    """Rules by turns, the last ruling for good; allows everything unless told otherwise."""

    rulings: list[PolicyRuling] = field(default_factory=lambda: [ACT])
    asked: list[ProposedAction] = field(default_factory=list)

    def allowed(self, incident: Incident, catalogue: frozenset[ActionKind]) -> frozenset[ActionKind]:
        return catalogue

    def rule(self, case: Case, proposal: ProposedAction, now: float) -> PolicyRuling:
        self.asked.append(proposal)
        return self.rulings.pop(0) if len(self.rulings) > 1 else self.rulings[0]


class Bench:
    """A store, doubles of all rooms, and the pipeline between them; steps run as plain calls."""

    def __init__(self, directory: Path, steps: Steps | None = None, max_attempts: int = 3) -> None:
        database = Database(f"sqlite:///{directory / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
        database.open()
        self.store = Store.over(database)
        self.clock = Clock()
        self.analyst = ScriptedAnalyst()
        self.council = ScriptedCouncil()
        self.remedies = ScriptedRemedies()
        self.verifier = ScriptedVerifier()
        self.runbook = ScriptedRunbook()
        self.policy = ScriptedPolicy()
        self.gate = StopGate()
        self.metrics = PipelineMetrics(metrics.NoOpMeterProvider())
        self.max_attempts = max_attempts
        self.durable = steps or DirectSteps()
        self.pipeline = self.build(
            self.council, Stages(trace.NoOpTracerProvider(), metrics.NoOpMeterProvider()), self.metrics
        )

    def build(self, council: Deliberation, stages: Stages, metrics: PipelineMetrics) -> Pipeline:
        steps = PipelineSteps(
            config=StepsConfig(),
            store=self.store,
            rooms=Rooms(self.analyst, council, self.remedies, self.verifier, self.runbook, self.policy),
            stages=stages,
            metrics=metrics,
            gate=self.gate,
            instance=SINGLE,
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        return Pipeline(steps, self.durable, metrics, self.max_attempts)

    def receive(self, incident: Incident | None = None) -> Incident:
        incident = incident or make_incident()
        self.store.incidents.receive(incident, self.clock())
        return incident

    def run(self, incident_id: str = "INC-1") -> IncidentRecord:
        self.pipeline.run(incident_id)
        return self.record(incident_id)

    def record(self, incident_id: str = "INC-1") -> IncidentRecord:
        record = self.store.records.get(incident_id)
        assert record is not None
        return record

    def close_incident(self, revision: int = 9) -> None:
        closed = replace(make_incident(state=IncidentState.CLOSED), revision=revision, closed_at=self.clock())
        self.store.incidents.receive(closed, self.clock())
