"""A model's answer: its shape, and the checks that it must pass against the case."""

import re
from collections.abc import Sequence
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector import IncidentType
from responder.diagnose.llm.choices import TARGET, Choices
from responder.diagnose.llm.look_up import LookUp
from responder.diagnose.llm.provider import BadAnswer, Refusal
from responder.diagnose.llm.typed_evidence import SIGNALS, Exhibit
from responder.diagnose.reading import strength_of
from responder.incident_record import ActionKind, DiagnosisOutcome, ProposedAction
from responder.redaction import citation, redact, sanitised

MAX_CHARS = 20_000
MAX_CONFIDENCE = 0.97
_SLACK = 0.25
_MAX_CAUSE = 600
_MAX_REASON = 200
_ALIAS = re.compile(r"\(?\b(e[1-9]\d{0,2})\b\)?")

Shape = TypeVar("Shape", bound=BaseModel)
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ModelProposal(BaseModel):
    """A remedy the model proposes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: ActionKind
    target: str = Field(max_length=200)
    reason: str = Field(min_length=1, max_length=1000)
    confidence: Share


class ModelLook(BaseModel):
    """A question it wants answered first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: LookUp
    argument: str = Field("", max_length=100)


class ModelAnswer(BaseModel):
    """What a model answers when it is asked to decide."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: DiagnosisOutcome
    incident_type: IncidentType
    root_cause: str = Field(min_length=1, max_length=2000)
    confidence: Share
    citations: tuple[str, ...] = Field(max_length=50)
    proposals: tuple[ModelProposal, ...] = Field((), max_length=8)
    look_further: tuple[ModelLook, ...] = Field((), max_length=8)


class ModelWords(BaseModel):
    """What it answers when it is asked to put the diagnosis in words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_cause: str = Field(min_length=1, max_length=2000)
    citations: tuple[str, ...] = Field(max_length=50)


def parsed(text: str, shape: type[Shape]) -> Shape:
    """The object in `text`, which may stand in a code block or after some words. Raises BadAnswer."""
    if len(text) > MAX_CHARS:
        raise BadAnswer(Refusal.TOO_LONG, f"the answer has more than {MAX_CHARS} characters")
    # What a model thinks aloud may hold braces; the answer comes after.
    body = text.rpartition("</think>")[2]
    first, last = body.find("{"), body.rfind("}")
    if first < 0 or last < first:
        raise BadAnswer(Refusal.NOT_JSON, "the answer is no JSON object")
    try:
        return shape.model_validate_json(body[first : last + 1])
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        if fault["type"] == "json_invalid":
            raise BadAnswer(Refusal.NOT_JSON, "the answer is no valid JSON") from error
        # Names of fields that the model made up are its own text, and do not go on.
        known = [str(part) for part in fault["loc"] if part in shape.model_fields or isinstance(part, int)]
        where = ".".join(known) or "the object"
        raise BadAnswer(Refusal.WRONG_SHAPE, f"{where}: {fault['msg']}"[:300]) from error


def check_looks(answer: ModelAnswer, choices: Choices) -> None:
    """Raises BadAnswer where the model asks what is not offered."""
    for look in answer.look_further:
        if look.tool not in choices.look_ups:
            raise BadAnswer(Refusal.LOOK_UP_NOT_OFFERED, f"look_further: {look.tool} is not offered")
        if look.argument and look.argument not in SIGNALS:
            raise BadAnswer(Refusal.LOOK_UP_NOT_OFFERED, "look_further: argument must be a signal or empty")


def check(answer: ModelAnswer, choices: Choices) -> None:
    """Raises BadAnswer unless the answer stays within the choices and rests on evidence."""
    cited = cited_exhibits(answer.citations, choices.exhibits)
    _check_proposals(answer.proposals, choices)
    if answer.outcome is not DiagnosisOutcome.FAULT:
        if answer.proposals:
            raise BadAnswer(Refusal.WRONG_SHAPE, "proposals: must be empty unless outcome is fault")
        return
    if not cited:
        raise BadAnswer(Refusal.NOTHING_CITED, "citations: a fault must cite the evidence it rests on")
    if not any(one.measured for one in cited):
        raise BadAnswer(
            Refusal.NOT_MEASURED, "citations: logs or traffic alone are no ground; cite what was measured"
        )
    grounds = strength(cited)
    for stated in (answer.confidence, *(one.confidence for one in answer.proposals)):
        if stated > grounds + _SLACK:
            raise BadAnswer(
                Refusal.CONFIDENCE_WITHOUT_GROUNDS,
                f"confidence: {stated:.2f} is more than the cited evidence carries ({grounds:.2f})",
            )


def _check_proposals(proposals: Sequence[ModelProposal], choices: Choices) -> None:
    allowed = ", ".join(choices.actions) or "none"
    for one in proposals:
        if one.target not in (TARGET, choices.service):
            raise BadAnswer(Refusal.FOREIGN_TARGET, f"proposals: the only target is {TARGET}")
        if one.action in choices.tried:
            raise BadAnswer(
                Refusal.ALREADY_TRIED, f"proposals: {one.action} was tried already; choose from: {allowed}"
            )
        if one.action not in choices.actions:
            raise BadAnswer(
                Refusal.ACTION_NOT_ALLOWED, f"proposals: {one.action} is not allowed; choose from: {allowed}"
            )


def cited_exhibits(citations: Sequence[str], exhibits: Sequence[Exhibit]) -> tuple[Exhibit, ...]:
    """The evidence behind the names cited, each once. Raises BadAnswer for one that was not shown."""
    by_alias = {one.alias: one for one in exhibits}
    unknown = [alias for alias in citations if alias not in by_alias]
    if unknown:
        raise BadAnswer(
            Refusal.UNKNOWN_EVIDENCE, f"citations: only {', '.join(by_alias)} are evidence of this incident"
        )
    return tuple(by_alias[alias] for alias in dict.fromkeys(citations))


def strength(cited: Sequence[Exhibit]) -> float:
    """How much the cited evidence carries together, 0 to 1: a noisy-or of what was measured."""
    doubt = 1.0
    for one in cited:
        if one.measured:
            doubt *= 1.0 - strength_of(one.evidence)
    return 1.0 - doubt


def grounded(stated: float, cited: Sequence[Exhibit]) -> float:
    """The stated confidence, no more than the cited evidence carries."""
    return round(min(stated, strength(cited), MAX_CONFIDENCE), 4)


def proposed(answer: ModelAnswer, choices: Choices, cited: Sequence[Exhibit]) -> tuple[ProposedAction, ...]:
    """The proposals of a checked answer in the model's order, each action once, on the incident's service."""
    first: dict[ActionKind, ProposedAction] = {}
    most = grounded(answer.confidence, cited)
    for one in answer.proposals:
        confidence = min(most, grounded(one.confidence, cited))
        reason = words(one.reason, choices, _MAX_REASON)
        first.setdefault(one.action, ProposedAction(one.action, choices.service, reason, confidence))
    return tuple(first.values())


def words(text: str, choices: Choices, limit: int = _MAX_CAUSE) -> str:
    """Words of a model fit to be shown: one line, bounded, no secrets, nothing that looks like ours."""
    plain = sanitised(redact(text.replace(TARGET, choices.service), limit), limit)
    cited = {one.alias: citation(one.evidence.id) for one in choices.exhibits}
    return _ALIAS.sub(lambda found: cited.get(found.group(1)) or found.group(0), plain)
