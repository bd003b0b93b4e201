"""Looking further: read-only questions a model may ask once before it decides."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from opentelemetry import trace

from responder import telemetry_registry as told
from responder.incident_record import Case


class LookUp(StrEnum):
    """The fixed set of questions. What the runbook remembers and what was done lately is none of them: it
    stands in every prompt, so that a model that asks nothing knows it as well."""

    SERIES = "series"
    LOGS = "logs"
    NEIGHBOURS = "neighbours"
    DEPLOYS = "deploys"


MEANING = {
    LookUp.SERIES: "is each raising series of the incident normal now",
    LookUp.LOGS: "what kinds of warnings and errors it logged, how many and when",
    LookUp.NEIGHBOURS: "which services and databases it calls, who calls it, how they are",
    LookUp.DEPLOYS: "how long before the incident another release began to run",
}


class LookUps(Protocol):
    """Answers such questions about the incident of a case, and about nothing else.

    Promises: changes nothing; blocks for a few seconds at most; raises nothing (it says in a line that
    there is no answer). Its lines are words of ours, enums and numbers: text that services send never
    stands in them, because what is decided rests on them.
    """

    offered: frozenset[LookUp]

    def look(self, case: Case, tool: LookUp, argument: str) -> Sequence[str]:
        """The answer, a few short lines. `argument` is a signal (such as `memory`) or empty."""
        ...


class TracedLookUps:
    """Implements `LookUps` by another, each look a span of the incident's trace."""

    def __init__(self, look_ups: LookUps, tracer: trace.Tracer) -> None:
        self.offered = look_ups.offered
        self._look_ups = look_ups
        self._tracer = tracer

    def look(self, case: Case, tool: LookUp, argument: str) -> Sequence[str]:
        """The answer of the other."""
        with self._tracer.start_as_current_span(told.EXECUTE_TOOL.named(tool.value)) as span:
            found = self._look_ups.look(case, tool, argument)
            span.set_attributes(
                {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": tool.value,
                    "gen_ai.tool.type": "datastore",
                    "aegisops.look_up.argument": argument,
                    "aegisops.look_up.lines": len(found),
                }
            )
            return found
