"""What the API hands incidents to, and a runbook that has learned nothing."""

from responder.learn import RunbookEntry


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
