"""What a model may choose from in one case, and the JSON schemas that say so.

Only the keywords that every structured-output server knows are used; bounds on numbers and lengths are
checked afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detector import IncidentType
from responder.diagnose.llm.look_up import LookUp
from responder.diagnose.llm.typed_evidence import SIGNALS, Exhibit
from responder.incident_record import ActionKind, Case, DiagnosisOutcome

TARGET = "the_service"
"""How the incident's own service is called in prompts: its name is text from outside."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The allowed answers. `actions`: what the catalogue allows and was not tried in this incident yet."""

    service: str
    actions: tuple[ActionKind, ...]
    tried: frozenset[ActionKind]
    exhibits: tuple[Exhibit, ...]
    look_ups: tuple[LookUp, ...]
    looks_left: int

    @classmethod
    def of(
        cls, case: Case, exhibits: Sequence[Exhibit], look_ups: Sequence[LookUp], looks_left: int
    ) -> "Choices":
        """The choices of a case, of which these exhibits are shown."""
        tried = frozenset(record.action for record in case.tried)
        allowed = case.allowed - tried - {ActionKind.NOOP}
        return cls(
            service=case.incident.service,
            actions=tuple(action for action in ActionKind if action in allowed),
            tried=tried,
            exhibits=tuple(exhibits),
            look_ups=tuple(look_ups) if looks_left else (),
            looks_left=looks_left,
        )

    def schema(self) -> dict[str, object]:
        """The schema of `ModelAnswer` with the choices as enums."""
        fields: dict[str, object] = {
            "outcome": _enum(DiagnosisOutcome),
            "incident_type": _enum(IncidentType),
            "root_cause": {"type": "string"},
            "confidence": {"type": "number"},
            "citations": _list(_enum([one.alias for one in self.exhibits])),
            "proposals": _list(self._proposal()),
        }
        if self.look_ups:
            look = {"tool": _enum(self.look_ups), "argument": _enum(["", *sorted(SIGNALS)])}
            fields["look_further"] = _list(_object(look))
        return _object(fields)

    def _proposal(self) -> Mapping[str, object]:
        return _object(
            {
                "action": _enum(self.actions) if self.actions else {"type": "string"},
                "target": _enum([TARGET]),
                "reason": {"type": "string"},
                "confidence": {"type": "number"},
            }
        )


def words_schema(exhibits: Sequence[Exhibit]) -> dict[str, object]:
    """The schema of `ModelWords`."""
    return _object(
        {"root_cause": {"type": "string"}, "citations": _list(_enum([one.alias for one in exhibits]))}
    )


def _enum(values: Sequence[str] | type[DiagnosisOutcome] | type[IncidentType]) -> Mapping[str, object]:
    return {"type": "string", "enum": [str(value) for value in values]}


def _list(items: Mapping[str, object]) -> Mapping[str, object]:
    return {"type": "array", "items": items}


def _object(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }
