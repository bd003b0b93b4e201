"""What the demo shows in the terminal: each step as it happens, and one table at the end."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aegisops.demo.report import FaultResult
from responder.incident_record import CouncilDecision, IncidentRecord, PipelineState, TimelineEvent

_BEFORE_THE_DECISION = {PipelineState.RECEIVED, PipelineState.ANALYSING, PipelineState.COUNCIL_REVIEW}


class Screen:
    """Prints the story of each incident line by line, so that it reads the same live, piped and in CI."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._events_shown = 0
        self._decisions_shown = 0
        self._state_shown: PipelineState | None = None

    def say(self, line: str) -> None:
        """One plain line."""
        self._console.print(Text(line))

    def fault_injected(self, result: FaultResult) -> None:
        """A fault begins."""
        self._events_shown = self._decisions_shown = 0
        self._state_shown = None
        self._console.print()
        self._console.rule(Text(f"{result.fault} injected", style="bold"), align="left")

    def progress(self, result: FaultResult, record: IncidentRecord) -> None:
        """Prints what is new in `record` since the last call."""
        for event in record.timeline[self._events_shown :]:
            if event.state not in _BEFORE_THE_DECISION:
                self._votes(record.decisions)
            self._event(event, event.at - result.injected_at)
        self._events_shown = len(record.timeline)

    def fault_done(self, result: FaultResult) -> None:
        """A fault has come to its end, good or bad."""
        if result.problem is None:
            self._detail(f"healed and verified after {result.resolved_after_s} s", "bold green")
        else:
            self._detail(f"not healed as it should be: {result.problem}", "bold red")

    def table(self, faults: Sequence[FaultResult]) -> None:
        """The closing table; it fits a terminal of 80 columns."""
        table = Table(title="Faults: seen, understood, healed, verified", title_justify="left")
        table.add_column("fault", no_wrap=True)
        table.add_column("sure", justify="right")
        table.add_column("council")
        table.add_column("action")
        table.add_column("seen", justify="right")
        table.add_column("over", justify="right")
        table.add_column("")
        for fault in faults:
            named = fault.incident_type or "not detected"
            table.add_row(
                fault.fault if named == fault.fault else f"{fault.fault}: {named}",
                _sureness(fault),
                _approvals(fault),
                ", ".join(action.action for action in fault.actions) or "–",
                _seconds(fault.detected_after_s),
                _seconds(fault.resolved_after_s),
                Text("healed", "green") if fault.problem is None else Text("not ok", "red"),
            )
        self._console.print()
        self._console.print(table)
        self._console.print(Text("sure: how often such a diagnosis was right when it was measured", "dim"))
        if any(fault.confidence is not None and not fault.calibrated for fault in faults):
            self._console.print(Text("~: not measured for such a diagnosis, belief only", "dim"))
        self._console.print(Text("seen and over: seconds since the fault was injected", "dim"))

    def _votes(self, decisions: Sequence[CouncilDecision]) -> None:
        """Each member's vote, once."""
        for decision in decisions[self._decisions_shown :]:
            for vote in decision.votes:
                member = vote.member.value.replace("_", " ")
                answer = "yes" if vote.approve else "no"
                self._detail(f"{member}: {answer} ({vote.confidence:.0%}). {vote.explanation}", "dim")
        self._decisions_shown = len(decisions)

    def _event(self, event: TimelineEvent, after_s: float) -> None:
        state = "" if event.state is self._state_shown else event.state.value
        self._state_shown = event.state
        self._row(Text(f"{after_s:6.1f} s", "cyan"), Text(state, "bold"), Text(event.message))

    def _detail(self, text: str, style: str = "") -> None:
        self._row(Text(""), Text(""), Text(text, style))

    def _row(self, *cells: Text) -> None:
        """A line whose text wraps under itself."""
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=8, justify="right")
        grid.add_column(width=14)
        grid.add_column(ratio=1)
        grid.add_row(*cells)
        self._console.print(grid)


def _approvals(fault: FaultResult) -> str:
    if not fault.votes:
        return "–"
    return f"{sum(vote.approve for vote in fault.votes)} of {len(fault.votes)}"


def _sureness(fault: FaultResult) -> str:
    if fault.confidence is None:
        return "–"
    return f"{'' if fault.calibrated else '~'}{fault.confidence:.0%}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def stopwatch(started: float) -> str:
    """Time since `started` (monotonic seconds), for people."""
    return f"{time.monotonic() - started:.0f} s"
