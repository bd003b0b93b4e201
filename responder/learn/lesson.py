"""What one ended incident teaches, and what a human says about it afterwards."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from detector import Incident, IncidentType
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    IncidentRecord,
    PipelineState,
    VerificationOutcome,
)
from responder.redaction import redact

_ID_CHARS = 180  # the store keeps it behind a prefix
_SERVICE_CHARS = 100


class FeedbackVerdict(StrEnum):
    """What a human says of an ended incident. `RIGHT`: what was seen stands, and calling a human was right.
    `WRONG`: nothing that was done in it helped, whatever the telemetry showed."""

    RIGHT = "right"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Feedback:
    """Who said what, why, and when (seconds since the epoch)."""

    verdict: FeedbackVerdict
    who: str
    why: str
    at: float

    def says_the_same_as(self, other: "Feedback") -> bool:
        """True where only the time differs."""
        return (self.verdict, self.who, self.why) == (other.verdict, other.who, other.why)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An action whose outcome was seen."""

    action: ActionKind
    helped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One incident as the runbook keeps it.

    `circumstances`: what besides its type tells it from others, in words of ours; `patterns`: masked phrases
    of its evidence, which are text from outside. `attempts`: as the telemetry showed them, every one of the
    incident; `resolution_ms`: None where it was not resolved. `feedback`: the newest.
    """

    incident_id: str
    entry_id: str
    incident_type: IncidentType
    service: str
    circumstances: tuple[str, ...]
    patterns: tuple[str, ...]
    state: PipelineState
    attempts: tuple[Attempt, ...]
    resolution_ms: float | None
    learned_at: float
    feedback: Feedback | None = None

    @property
    def outcomes(self) -> tuple[Attempt, ...]:
        """The attempts after a human's word."""
        if not self._said(FeedbackVerdict.WRONG):
            return self.attempts
        return tuple(Attempt(one.action, helped=False) for one in self.attempts)

    @property
    def resolved(self) -> bool | None:
        """True or False; None where there was nothing to resolve, or calling a human was right."""
        match self.state:
            case PipelineState.RESOLVED:
                return not self._said(FeedbackVerdict.WRONG)
            case PipelineState.ESCALATED | PipelineState.FAILED:
                return None if self._said(FeedbackVerdict.RIGHT) else False
            case _:
                return None

    def to_document(self) -> dict[str, Any]:
        """The lesson as JSON values."""
        document: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return document

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Lesson":
        """The lesson of `to_document`. Raises pydantic's `ValidationError`."""
        return _ADAPTER.validate_python(document)

    def _said(self, verdict: FeedbackVerdict) -> bool:
        return self.feedback is not None and self.feedback.verdict is verdict


_ADAPTER = TypeAdapter(Lesson)


def lesson_of(
    record: IncidentRecord,
    entry_id: str,
    circumstances: tuple[str, ...],
    patterns: tuple[str, ...],
    at: float,
) -> Lesson:
    """The lesson of a record in a final state; raises ValueError in another one."""
    if not record.state.final:
        raise ValueError(f"incident {record.incident.id} is still {record.state}: only ended incidents teach")
    seen = [(one.action, _helped(one)) for one in record.actions]
    resolution_ms = None
    if record.state is PipelineState.RESOLVED and record.resolved_at is not None:
        resolution_ms = max(0.0, (record.resolved_at - record.received_at) * 1000)
    return Lesson(
        incident_id=bounded_id(record.incident.id),
        entry_id=entry_id,
        incident_type=record.incident.type,
        service=service_of(record.incident),
        circumstances=circumstances,
        patterns=patterns,
        state=record.state,
        attempts=tuple(Attempt(action, helped) for action, helped in seen if helped is not None),
        resolution_ms=resolution_ms,
        learned_at=at,
    )


def service_of(incident: Incident) -> str:
    """The name its outcomes are kept under: with the namespace, as two of these may have one of that name."""
    name = f"{incident.namespace}/{incident.service}" if incident.namespace else incident.service
    return redact(name, _SERVICE_CHARS)


def bounded_id(incident_id: str) -> str:
    """The id itself, or a digest of one that is too long to keep or cannot be encoded."""
    if len(incident_id) <= _ID_CHARS and incident_id.isprintable():
        return incident_id
    return "sha256:" + hashlib.sha256(incident_id.encode("utf-8", "surrogatepass")).hexdigest()


def _helped(action: ActionRecord) -> bool | None:
    """None where nothing was seen: refused, never verified, or nothing was done at all."""
    if action.action is ActionKind.NOOP or action.outcome is ActionOutcome.REFUSED:
        return None
    if action.outcome is ActionOutcome.FAILED:
        return False
    if action.verification is None:
        return None
    return action.verification is VerificationOutcome.RECOVERED
