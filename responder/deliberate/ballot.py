"""What a model is asked about a proposal, and the checks its answer must pass.

Like the deciding prompt of the diagnosis it holds words of ours, enums and numbers alone: nothing that a
service sent, no name, and no sentence of the model that made the diagnosis.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from responder.diagnose.llm import BadAnswer, Message, Prompt, PromptLimits, Refusal, fence
from responder.diagnose.llm.answer import Share, cited_exhibits, parsed
from responder.diagnose.llm.choices import TARGET
from responder.diagnose.llm.prompt import ACTIONS, that_fits
from responder.diagnose.llm.typed_evidence import (
    Exhibit,
    believed_types,
    circumstances,
    exhibits,
    experience,
    is_measured,
    number,
    recent,
)
from responder.diagnose.reading import Reading
from responder.diagnose.record import track_record
from responder.incident_record import (
    Case,
    Diagnosis,
    MemberRole,
    ProposedAction,
    Vote,
    VoteReason,
)

_ASK = """You are the {title} in a council that votes on one action before it is taken. An incident of one
service, called {target}, is open. Your question: {question}
{fence}
Answer with one JSON object and nothing else:
{{"citation": id of the evidence your vote rests on most, such as "e1", "vote": one of the votes,
"confidence": 0 to 1}}
Votes: {votes}
Fixed rules let the action pass. Vote against it only where the evidence tells you to."""

_MEANING = {
    VoteReason.SAFE: "it does less harm than the incident",
    VoteReason.TOO_RISKY: "it may do more harm than the incident",
    VoteReason.ALLOWED: "it may be done",
    VoteReason.RATE_LIMITED: "too much was done to the service lately",
    VoteReason.CONFIDENCE_TOO_LOW: "the diagnosis is too unsure to act on",
    VoteReason.LIKELY_TO_HELP: "it acts on what the evidence shows",
    VoteReason.DOES_NOT_FIT: "it does not act on what the evidence shows",
    VoteReason.POOR_RECORD: "it has failed too often in such incidents",
}


@dataclass(frozen=True, slots=True)
class _Seat:
    title: str
    question: str
    yes: VoteReason
    no: tuple[VoteReason, ...]


_SEATS = {
    MemberRole.SECURITY_OFFICER: _Seat(
        "Security Officer", "is the action safe?", VoteReason.SAFE, (VoteReason.TOO_RISKY,)
    ),
    MemberRole.AUDITOR: _Seat(
        "Auditor",
        "may the action be done without asking a human?",
        VoteReason.ALLOWED,
        (VoteReason.RATE_LIMITED, VoteReason.CONFIDENCE_TOO_LOW),
    ),
    MemberRole.SRE_LEAD: _Seat(
        "SRE Lead",
        "will the action end the incident?",
        VoteReason.LIKELY_TO_HELP,
        (VoteReason.DOES_NOT_FIT, VoteReason.POOR_RECORD, VoteReason.CONFIDENCE_TOO_LOW),
    ),
}


class BallotAnswer(BaseModel):
    """What a model answers. The vote is its reason: which ones are a yes is not for the model to say. One
    citation, as small models cannot end a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    citation: Annotated[str, Field(max_length=20)]
    vote: VoteReason
    confidence: Share


@dataclass(frozen=True, slots=True)
class Ballot:
    """A question to one member: the prompt, the evidence it shows, and the votes it offers."""

    prompt: Prompt
    shown: tuple[Exhibit, ...]
    yes: VoteReason
    no: tuple[VoteReason, ...]

    def read(self, text: str) -> tuple[BallotAnswer, Exhibit]:
        """The answer and the evidence it cites. Raises BadAnswer."""
        answer = parsed(text, BallotAnswer)
        (cited,) = cited_exhibits((answer.citation,), self.shown)
        offered = (self.yes, *self.no)
        if answer.vote not in offered:
            raise BadAnswer(Refusal.WRONG_SHAPE, f"vote: must be one of {', '.join(offered)}")
        return answer, cited


@dataclass(frozen=True, slots=True)
class Ballots:
    """Writes the ballots. `draw_mark` gives an unguessable word each time (the marks around data)."""

    limits: PromptLimits
    draw_mark: Callable[[], str]

    def of(
        self, case: Case, reading: Reading, diagnosis: Diagnosis, proposal: ProposedAction, known: Vote
    ) -> Ballot | None:
        """The ballot on `proposal` for the member whose vote by the rules is `known`; None where nothing
        was measured that a vote could rest on."""
        every = exhibits(reading)
        if not any(is_measured(one.evidence) for one in every):
            return None
        seat = _SEATS[known.member]
        no = tuple(one for one in seat.no if _has_grounds(one, case, diagnosis, proposal))
        mark = fence.new_mark(self.draw_mark, ())
        system = _ASK.format(
            title=seat.title,
            target=TARGET,
            question=seat.question,
            fence=fence.explained(mark),
            votes="; ".join(f"{one.value} ({_MEANING[one]})" for one in (seat.yes, *no)),
        )
        asked = (
            f"proposed_action: {proposal.action.value} ({ACTIONS[proposal.action]}), "
            f"confidence {number(proposal.confidence)}",
            f"diagnosis: {diagnosis.incident_type.value}, confidence {number(diagnosis.confidence)}",
            f"fixed_rules: {known.reason.value}, confidence {number(known.confidence)}",
        )
        types = (diagnosis.incident_type, *believed_types(case))
        learned = experience(case, types, (proposal.action,))
        known_too = (*circumstances(case, reading), *learned, *recent(case))
        shown = that_fits(every, self.limits.tokens, system, (*asked, *known_too))
        text = fence.fenced(mark, "proposal and evidence", (*asked, *(one.line for one in shown), *known_too))
        schema = _schema(shown, (seat.yes, *no))
        prompt = Prompt(system, (Message("user", text),), "vote", schema, self.limits.answer_tokens)
        return Ballot(prompt, shown, seat.yes, no)


def _has_grounds(reason: VoteReason, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> bool:
    """Whether a no for `reason` could be true at all: what never happened is no ground."""
    match reason:
        case VoteReason.RATE_LIMITED:
            return bool(case.tried or case.recent)
        case VoteReason.POOR_RECORD:
            return track_record(case, diagnosis.incident_type, proposal.action).failures > 0
        case _:
            return True


def _schema(shown: tuple[Exhibit, ...], votes: tuple[VoteReason, ...]) -> Mapping[str, object]:
    """The schema of `BallotAnswer` with what is offered as enums."""
    fields: dict[str, object] = {
        "citation": {"type": "string", "enum": [one.alias for one in shown]},
        "vote": {"type": "string", "enum": [one.value for one in votes]},
        "confidence": {"type": "number"},
    }
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
