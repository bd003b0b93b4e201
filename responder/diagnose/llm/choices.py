"""What a model may choose from in one case, and the JSON schemas that say so.

Only keywords that structured-output servers know are used; bounds on numbers and lengths of text are checked
afterwards. Lists have a bound in the schema, since small models do not end one by themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detector import IncidentType
from responder.diagnose.llm.look_up import LookUp
from responder.diagnose.llm.typed_evidence import SIGNALS, Exhibit
from responder.incident_record import ActionKind, Case, DiagnosisOutcome

TARGET = "the_service"
"""How the incident's own service is called in prompts: its name is text from outside."""

_MOST_CITATIONS = 6
_MOST_PROPOSALS = 3


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
            "citations": _list(_enum([one.alias for one in self.exhibits]), _MOST_CITATIONS),
            "proposals": _list(self._proposal(), _MOST_PROPOSALS),
        }
        if self.look_ups:
            look = {"tool": _enum(self.look_ups), "argument": _enum(["", *sorted(SIGNALS)])}
            fields["look_further"] = _list(_object(look), self.looks_left)
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
    citations = _list(_enum([one.alias for one in exhibits]), _MOST_CITATIONS)
    return _object({"root_cause": {"type": "string"}, "citations": citations})


def _enum(values: Sequence[str] | type[DiagnosisOutcome] | type[IncidentType]) -> Mapping[str, object]:
    return {"type": "string", "enum": [str(value) for value in values]}


def _list(items: Mapping[str, object], most: int) -> Mapping[str, object]:
    return {"type": "array", "items": items, "maxItems": most}


def _object(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }
