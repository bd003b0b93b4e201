"""What the demo shows in the terminal: each step as it happens, and one table at the end."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aegisops.demo.report import FaultResult
from responder.incident_record import CouncilDecision, IncidentRecord, VerificationOutcome


class Screen:
    """Prints the story of each incident line by line, so that it reads the same live, piped and in CI."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._events_shown = 0
        self._decisions_shown = 0
        self._verifications_shown = 0
        self._diagnosis_shown = ""

    def say(self, line: str) -> None:
        """One plain line."""
        self._console.print(Text(line))

    def fault_injected(self, result: FaultResult) -> None:
        """A fault begins."""
        self._events_shown = self._decisions_shown = self._verifications_shown = 0
        self._diagnosis_shown = ""
        self._console.print()
        self._console.rule(Text(f"{result.fault} injected", style="bold"), align="left")

    def progress(self, result: FaultResult, record: IncidentRecord) -> None:
        """Prints what is new in `record` since the last call."""
        for event in record.timeline[self._events_shown :]:
            self._line(event.at - result.injected_at, event.state.value, event.message)
        self._events_shown = len(record.timeline)
        diagnosis = record.diagnosis
        if diagnosis is not None and diagnosis.root_cause != self._diagnosis_shown:
            self._diagnosis_shown = diagnosis.root_cause
            self._detail(f"diagnosed ({diagnosis.confidence:.0%}): {diagnosis.root_cause}")
        for decision in record.decisions[self._decisions_shown :]:
            self._council(decision)
        self._decisions_shown = len(record.decisions)
        verified = [action for action in record.actions if action.verification is not None]
        for action in verified[self._verifications_shown :]:
            style = "green" if action.verification is VerificationOutcome.RECOVERED else "red"
            outcome = action.verification.value if action.verification else ""
            self._detail(f"{action.action.value} → {outcome}: {action.verification_detail}", style)
        self._verifications_shown = len(verified)

    def fault_done(self, result: FaultResult) -> None:
        """A fault has come to its end, good or bad."""
        if result.problem is None:
            self._detail(f"healed and verified after {result.resolved_after_s} s", "bold green")
        else:
            self._detail(f"not healed as it should be: {result.problem}", "bold red")

    def table(self, faults: Sequence[FaultResult]) -> None:
        """The closing table."""
        table = Table(title="Six faults: seen, understood, healed, verified", title_justify="left")
        for heading in ("fault", "detected", "named", "sure", "council", "actions", "resolved", "verdict"):
            table.add_column(
                heading, justify="right" if heading in {"detected", "resolved", "sure"} else "left"
            )
        for fault in faults:
            approvals = sum(vote.approve for vote in fault.votes)
            table.add_row(
                fault.fault,
                _seconds(fault.detected_after_s),
                fault.incident_type or "–",
                "–" if fault.confidence is None else f"{fault.confidence:.0%}",
                f"{approvals}/{len(fault.votes)} {fault.verdict or ''}".strip(),
                ", ".join(f"{action.action} {action.outcome}" for action in fault.actions) or "–",
                _seconds(fault.resolved_after_s),
                Text("healed", "green") if fault.problem is None else Text(fault.problem, "red"),
            )
        self._console.print()
        self._console.print(table)

    def _council(self, decision: CouncilDecision) -> None:
        proposal = decision.proposal
        self._detail(f"council on {proposal.action.value} of {proposal.target}: {decision.verdict.value}")
        for vote in decision.votes:
            answer = "yes" if vote.approve else "no"
            member = vote.member.value.replace("_", " ")
            self._detail(f"  {member}: {answer} ({vote.confidence:.0%}) {vote.explanation}", "dim")

    def _line(self, after_s: float, state: str, message: str) -> None:
        self._console.print(Text.assemble((f"{after_s:6.1f} s  ", "cyan"), (f"{state:<15}", "bold"), message))

    def _detail(self, text: str, style: str = "") -> None:
        self._console.print(Text("          " + text, style))


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def stopwatch(started: float) -> str:
    """Time since `started` (monotonic seconds), for people."""
    return f"{time.monotonic() - started:.0f} s"
