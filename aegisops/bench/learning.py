"""Does the runbook help? First actions that end an incident, without learning and with it.

Analyst, council, runbook and its table are those of the responder. The incidents are leaks that the
detector's engine reports on made-up services; whether an action ends one is simulated
(`simulated_remedies.py`). Both runs meet the very same incidents, six hours apart.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows, Value
from aegisops.bench.simulated_remedies import ALLOWED, ODD, SimulatedIncident, draw_incidents
from aegisops.bench.synthetic_incident import START
from responder.deliberate import Auditor, Council, CouncilLimits, SecurityOfficer, SreLead
from responder.diagnose import OfflineAnalyst
from responder.diagnose.cause import load_causes
from responder.diagnose.reading import LogPatterns, Reading
from responder.diagnose.record import expected_fits
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    Case,
    IncidentRecord,
    PipelineState,
    Verdict,
    VerificationOutcome,
)
from responder.learn import Runbook
from responder.store import Database
from responder.store.runbook import RunbookEntries

INCIDENTS = 60
SEEDS = (1, 2, 3, 4, 5)
_COMPARED = 15
_MAX_ATTEMPTS = 3
_APART_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of one incident."""

    service: str
    first_helped: bool
    attempts: int
    resolved: bool


class Responder:
    """The rooms that decide, and a runbook that they ask; it is taught where `learns`."""

    def __init__(self, database: Database, *, learns: bool) -> None:
        self._learns = learns
        self._now = START
        patterns = LogPatterns.load()
        self._analyst = OfflineAnalyst()
        self._runbook = Runbook(
            RunbookEntries(database),
            lambda: self._now,
            fits=expected_fits(load_causes()),
            circumstances=lambda incident: Reading(incident, patterns).facts,
        )
        limits = CouncilLimits()
        clock: Callable[[], float] = lambda: self._now  # noqa: E731 - one clock for two members
        self._council = Council([SecurityOfficer(limits), Auditor(limits, clock), SreLead(limits, clock)])

    def work(self, of: SimulatedIncident) -> Worked:
        """Try what is proposed and approved until something helps, and learn from it."""
        self._now += _APART_S
        tried: list[ActionRecord] = []
        resolved = False
        while not resolved and len(tried) < _MAX_ATTEMPTS:
            action = self._next(of, tried)
            if action is None:
                break
            resolved = action in of.ends_with
            tried.append(self._done(action, of, len(tried) + 1, helped=resolved))
        if self._learns:
            state = PipelineState.RESOLVED if resolved else PipelineState.ESCALATED
            ended_at = self._now if resolved else None
            record = IncidentRecord(
                of.incident,
                state,
                self._now - 10.0,
                self._now,
                "detector",
                actions=tuple(tried),
                resolved_at=ended_at,
            )
            self._runbook.learn(record)
        return Worked(of.incident.service, resolved and len(tried) == 1, len(tried), resolved)

    def _next(self, of: SimulatedIncident, tried: Sequence[ActionRecord]) -> ActionKind | None:
        """The first proposal that the council lets pass, as the pipeline takes it."""
        case = Case(
            of.incident,
            ALLOWED,
            tried=tuple(tried),
            matches=self._runbook.matches(of.incident),
            experience=self._runbook.experience(of.incident),
        )
        diagnosis = self._analyst.diagnose(case)
        for proposal in diagnosis.proposals:
            decision = self._council.decide(case, diagnosis, proposal, len(tried) + 1)
            if decision.verdict in (Verdict.APPROVED, Verdict.APPROVED_RISKY):
                return proposal.action
        return None

    def _done(self, action: ActionKind, of: SimulatedIncident, attempt: int, *, helped: bool) -> ActionRecord:
        seen = VerificationOutcome.RECOVERED if helped else VerificationOutcome.NOT_RECOVERED
        return ActionRecord(
            attempt,
            action,
            of.incident.service,
            ActionOutcome.SUCCEEDED,
            "simulated",
            self._now,
            self._now,
            verification=seen,
        )


def work_all(incidents: Sequence[SimulatedIncident], *, learns: bool) -> list[Worked]:
    """What comes of them, in order, with a runbook that is empty at first."""
    with tempfile.TemporaryDirectory(prefix="aegisops-bench-") as directory:
        database = Database(f"sqlite:///{Path(directory) / 'responder.db'}", "TMPDIR")
        database.open()
        try:
            responder = Responder(database, learns=learns)
            return [responder.work(one) for one in incidents]
        finally:
            database.close()


def first_success(worked: Sequence[Worked]) -> float:
    """The share whose first action helped."""
    return fmean(one.first_helped for one in worked) if worked else 0.0


def measure(seeds: Sequence[int], count: int, say: Say) -> BenchResult:
    """The figures over these seeds, `count` incidents each; the last quarter is compared."""
    without: list[list[Worked]] = []
    taught: list[list[Worked]] = []
    for seed in seeds:
        say(f"seed {seed}: {count} incidents, without learning and with it")
        incidents = list(draw_incidents(seed, count))
        without.append(work_all(incidents, learns=False))
        taught.append(work_all(incidents, learns=True))
    last = min(_COMPARED, max(1, count // 4))
    rises = [
        first_success(b[-last:]) - first_success(a[-last:]) for a, b in zip(without, taught, strict=True)
    ]
    before, after = ([one for run in runs for one in run[-last:]] for runs in (without, taught))
    odd = [[one for one in part if one.service == ODD] for part in (before, after)]
    others = [[one for one in part if one.service != ODD] for part in (before, after)]
    share = f"share of the last {last} incidents of a run whose first action helped"
    return BenchResult(
        "learning",
        (
            Figure("first_action_success_before", first_success(before), about=f"{share}, without learning"),
            Figure("first_action_success_after", first_success(after), about="the same, with it"),
            Figure("rise", fmean(rises), Goal(Bound.AT_LEAST, 0.1), "after less before"),
            Figure("rise_least", min(rises), Goal(Bound.AT_LEAST, 0.0), "of the seeds"),
            Figure("odd_service_before", first_success(odd[0]), about="where the usual remedy does not work"),
            Figure("odd_service_after", first_success(odd[1])),
            Figure("other_services_before", first_success(others[0]), about="where it does"),
            Figure(
                "other_services_change",
                first_success(others[1]) - first_success(others[0]),
                Goal(Bound.AT_LEAST, 0.0),
                "what one service taught does not spoil them",
            ),
            Figure("attempts_before", fmean(one.attempts for one in before), about="actions an incident"),
            Figure("attempts_after", fmean(one.attempts for one in after)),
            Figure("incidents", count, about="a run"),
            Figure("seeds", len(seeds)),
        ),
        (
            _by_quarter(without, taught),
            Rows(
                "by_seed",
                ("seed", "without", "with", "rise"),
                tuple(
                    (seed, *(round(first_success(run[-last:]), 3) for run in (a, b)), round(rise, 3))
                    for seed, a, b, rise in zip(seeds, without, taught, rises, strict=True)
                ),
            ),
        ),
    )


def _by_quarter(without: Sequence[Sequence[Worked]], taught: Sequence[Sequence[Worked]]) -> Rows:
    count = len(without[0])
    rows: list[tuple[Value, ...]] = []
    for quarter in range(4):
        span = slice(quarter * count // 4, (quarter + 1) * count // 4)
        shares = [
            first_success(
                [one for run in runs for one in run[span] if (one.service == ODD) is is_odd or is_odd is None]
            )
            for is_odd in (None, True)
            for runs in (without, taught)
        ]
        rows.append((f"{span.start + 1}-{span.stop}", *(round(one, 3) for one in shares)))
    columns = ("incidents", "without", "with", f"{ODD} without", f"{ODD} with")
    return Rows("first_action_success", columns, tuple(rows))


def run(say: Say) -> BenchResult:
    """The figures of the shipped draw."""
    say("about a minute")
    return measure(SEEDS, INCIDENTS, say)
