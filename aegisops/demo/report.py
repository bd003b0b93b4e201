"""What the demo saw of each fault, and its verdict: the content of demo-report.json."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from responder.incident_record import ActionOutcome, IncidentRecord, PipelineState, VerificationOutcome


@dataclass(frozen=True, slots=True)
class ActionSeen:
    """One action the responder took."""

    action: str
    target: str
    outcome: str
    verification: str | None
    undo: str | None = None


@dataclass(frozen=True, slots=True)
class VoteSeen:
    """One member's vote on the action that was carried out last."""

    member: str
    approve: bool
    confidence: float
    reason: str


@dataclass(slots=True)
class FaultResult:
    """One fault, from injection to its end. Times in seconds since injection; None: it did not happen.

    `confidence` is the diagnosis's; where it is `calibrated`, the share of such diagnoses that was right when
    it was measured.
    """

    fault: str
    injected_at: float
    detected_after_s: float | None = None
    incident_id: str | None = None
    incident_type: str | None = None
    confidence: float | None = None
    calibrated: bool = False
    state: str | None = None
    root_cause: str | None = None
    verdict: str | None = None
    votes: list[VoteSeen] = field(default_factory=list)
    actions: list[ActionSeen] = field(default_factory=list)
    resolved_after_s: float | None = None
    verified: str | None = None
    trace_id: str | None = None
    other_incidents: list[str] = field(default_factory=list)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class DemoReport:
    """All faults. `ok`: each was detected, named rightly, healed and verified; nothing else was raised."""

    ok: bool
    faults: list[FaultResult]

    def write(self, path: Path) -> None:
        """Writes the report as JSON."""
        path.write_bytes(TypeAdapter(DemoReport).dump_json(self, indent=2) + b"\n")


def fill(result: FaultResult, record: IncidentRecord) -> None:
    """Copies what `record` says of the incident into `result`."""
    incident = record.incident
    result.detected_after_s = round(incident.opened_at - result.injected_at, 2)
    result.incident_id = incident.id
    result.incident_type = incident.type.value
    result.state = record.state.value
    result.trace_id = incident.trace_id
    if record.diagnosis is not None:
        result.root_cause = record.diagnosis.root_cause
        result.incident_type = record.diagnosis.incident_type.value
        result.confidence = round(record.diagnosis.confidence, 3)
        result.calibrated = record.diagnosis.calibrated
    if record.decisions:
        decision = record.decisions[-1]
        result.verdict = decision.verdict.value
        result.votes = [
            VoteSeen(v.member.value, v.approve, round(v.confidence, 2), v.reason.value)
            for v in decision.votes
        ]
    result.actions = [
        ActionSeen(
            a.action.value,
            a.target,
            a.outcome.value,
            a.verification.value if a.verification else None,
            a.undo.value if a.undo else None,
        )
        for a in record.actions
    ]
    if record.actions and record.actions[-1].verification is VerificationOutcome.RECOVERED:
        result.verified = record.actions[-1].verification_detail
    if record.resolved_at is not None:
        result.resolved_after_s = round(record.resolved_at - result.injected_at, 2)


def judge(result: FaultResult) -> None:
    """Sets `problem` to why the fault does not count as healed, if it does not."""
    if result.incident_id is None:
        result.problem = "not detected"
    elif result.incident_type != result.fault:
        result.problem = f"named {result.incident_type}"
    elif result.state != PipelineState.RESOLVED.value:
        result.problem = f"ended {result.state}"
    elif not result.actions or result.actions[-1].outcome != ActionOutcome.SUCCEEDED.value:
        result.problem = "over without a remedy of ours"
    elif result.verified is None:
        result.problem = "recovery was not verified from telemetry"
    elif result.other_incidents:
        result.problem = f"raised {len(result.other_incidents)} more incidents than the fault"
    else:
        result.problem = None


def conclude(faults: Sequence[FaultResult], expected: int) -> DemoReport:
    """The report over all faults; not ok either when fewer were tried than `expected`."""
    healed = [fault for fault in faults if fault.problem is None]
    return DemoReport(ok=len(healed) == len(faults) == expected, faults=list(faults))
