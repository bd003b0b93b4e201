"""What the API hands incidents to, and a runbook that has learned nothing."""

from responder.incident_record import IncidentRecord
from responder.learn import ExchangedRunbook, Feedback, ImportResult, Lesson, RunbookEntry


class Started:
    """Remembers which incidents were to be worked on."""

    launched = True

    def __init__(self) -> None:
        self.ids: list[str] = []

    def start(self, incident_id: str) -> None:
        self.ids.append(incident_id)


class EmptyRunbook:
    def export(self) -> list[RunbookEntry]:
        return []

    def take_feedback(self, record: IncidentRecord, feedback: Feedback, also: object = None) -> Lesson:
        raise AssertionError("nobody was to say anything")

    def take_in(self, runbook: ExchangedRunbook, also: object = None) -> ImportResult:
        raise AssertionError("nothing was to be imported")
