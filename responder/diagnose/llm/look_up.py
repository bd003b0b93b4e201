"""Looking further: read-only questions a model may ask once before it decides."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from responder.incident_record import Case


class LookUp(StrEnum):
    """The fixed set of questions."""

    SERIES = "series"
    LOGS = "logs"
    NEIGHBOURS = "neighbours"
    SIMILAR_INCIDENTS = "similar_incidents"
    RECENT_ACTIONS = "recent_actions"


MEANING = {
    LookUp.SERIES: "is each raising series of the incident normal now",
    LookUp.LOGS: "what kinds of message its logs hold",
    LookUp.NEIGHBOURS: "how other services are now",
    LookUp.SIMILAR_INCIDENTS: "which actions helped in similar incidents before",
    LookUp.RECENT_ACTIONS: "what was done to the service lately, also new releases",
}


class LookUps(Protocol):
    """Answers such questions about the incident of a case, and about nothing else.

    Promises: changes nothing; blocks for a second or two at most; raises nothing (it says in a line that
    there is no answer). Its lines are words of ours, enums and numbers: text that services send never
    stands in them, because what is decided rests on them.
    """

    offered: frozenset[LookUp]

    def look(self, case: Case, tool: LookUp, argument: str) -> Sequence[str]:
        """The answer, a few short lines. `argument` is a signal (such as `memory`) or empty."""
        ...
