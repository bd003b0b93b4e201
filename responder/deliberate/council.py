"""Asks the three members at once and tallies their votes."""

import contextvars
import logging
import math
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from opentelemetry.metrics import Meter, get_meter

from detector.hosting.registry import counter
from responder import telemetry_registry as told
from responder.deliberate.member import CouncilMember
from responder.incident_record import (
    ActionKind,
    Case,
    CouncilDecision,
    Diagnosis,
    DiagnosisOutcome,
    MemberRole,
    ProposedAction,
    Verdict,
    Vote,
    VoteReason,
)

_LOG = logging.getLogger(__name__)
_MAX_EXPLANATION = 500
_MAX_HANGING = 4

_Answers = queue.SimpleQueue[tuple[MemberRole, Vote | str]]


class Council:
    """The three members with a deadline. A member that raises, is late or answers nonsense is a no.

    Safe to call from several threads. A member that hangs keeps its thread (threads cannot be killed),
    but neither holds up the decision nor the end of the process; once four of its calls hang it is
    not asked again until one of them returns. Raises ValueError unless each role is taken exactly once.
    """

    def __init__(
        self, members: Sequence[CouncilMember], deadline_s: float = 5.0, meter: Meter | None = None
    ) -> None:
        if sorted(member.role for member in members) != sorted(MemberRole):
            raise ValueError(f"the council needs one member for each of {', '.join(MemberRole)}")
        if not (math.isfinite(deadline_s) and deadline_s > 0):
            raise ValueError(f"deadline_s is {deadline_s}; it must be a positive number of seconds")
        self._members = tuple(members)
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._under_way: Counter[MemberRole] = Counter()
        self._no_answers: Counter[MemberRole] = Counter()
        self._counter = counter(meter or get_meter(told.SCOPE), told.NO_ANSWERS)

    @property
    def no_answers(self) -> dict[MemberRole, int]:
        """How many votes of each member were lost since the start."""
        with self._lock:
            return dict(self._no_answers)

    def decide(
        self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction, attempt: int
    ) -> CouncilDecision:
        """The votes on `proposal` and their tally; blocks for at most the deadline."""
        if proposal.action is ActionKind.NOOP or diagnosis.outcome is DiagnosisOutcome.NOTHING_WRONG:
            return CouncilDecision(attempt, proposal, (), Verdict.NO_ACTION)
        asked: _Answers = queue.SimpleQueue()
        for member in self._members:
            self._ask(member, partial(member.vote, case, diagnosis, proposal), asked)
        answers = self._collected(asked)
        late = f"did not answer within {self._deadline_s:.3g} s"
        votes = tuple(self._vote(member.role, answers.get(member.role, late)) for member in self._members)
        return CouncilDecision(attempt, proposal, votes, tally(votes))

    def _ask(self, member: CouncilMember, question: Callable[[], Vote], answers: _Answers) -> None:
        """Puts the question to the member in a thread of its own, unless too many of its threads hang."""
        role = member.role
        with self._lock:
            if self._under_way[role] >= _MAX_HANGING:
                answers.put((role, "still hangs over earlier questions"))
                return
            self._under_way[role] += 1

        def answer() -> None:
            result: Vote | str
            try:
                result = question()
            except Exception as error:  # noqa: BLE001 - a member's error must cost its vote only
                _LOG.warning("council member %s failed", role, exc_info=True)
                result = f"failed with {type(error).__name__}"
            finally:
                with self._lock:
                    self._under_way[role] -= 1
            answers.put((role, result))

        # Daemon threads: the end of the process does not wait for them. The context carries the trace.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(answer,), name=f"council-{role}", daemon=True).start()

    def _collected(self, answers: _Answers) -> dict[MemberRole, Vote | str]:
        """The answers that come within the deadline: votes, or why there is none."""
        got: dict[MemberRole, Vote | str] = {}
        end = time.monotonic() + self._deadline_s
        while len(got) < len(self._members):
            try:
                role, answer = answers.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            got[role] = answer
        return got

    def _vote(self, role: MemberRole, answer: Vote | str) -> Vote:
        if isinstance(answer, str):
            return self._no_answer(role, answer)
        if not isinstance(answer, Vote) or answer.member is not role or not 0.0 <= answer.confidence <= 1.0:
            return self._no_answer(role, "gave an answer that is not a vote of its own")
        return replace(answer, explanation=answer.explanation[:_MAX_EXPLANATION])

    def _no_answer(self, role: MemberRole, why: str) -> Vote:
        _LOG.warning("council member %s %s: counts as a no", role, why)
        with self._lock:
            self._no_answers[role] += 1
        self._counter.add(1, {"aegisops.council.member": role.value})
        return Vote(role, False, 0.0, VoteReason.NO_ANSWER, f"The member {why}; that counts as a no.", "")


def tally(votes: Sequence[Vote]) -> Verdict:
    """3 of 3: approved; 2: approved and risky; fewer: escalated to a human."""
    match sum(1 for vote in votes if vote.approve):
        case 3:
            return Verdict.APPROVED
        case 2:
            return Verdict.APPROVED_RISKY
        case _:
            return Verdict.ESCALATED
