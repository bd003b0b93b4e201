"""What a change of state says to people: what is wrong, what is proposed or was done, what is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from detector import Incident
from responder.approval import Approval, ApprovalLinks
from responder.incident_record import PipelineState
from responder.legibility import Gate
from responder.notify.message import Message, Urgency
from responder.notify.neutral import neutral

_MOST = 400  # characters of one sentence that came from elsewhere

_URGENCIES = {
    PipelineState.AWAITING_APPROVAL: Urgency.WARNING,
    PipelineState.ESCALATED: Urgency.FAILURE,
    PipelineState.FAILED: Urgency.FAILURE,
    PipelineState.RESOLVED: Urgency.SUCCESS,
}
_TITLES = {
    PipelineState.ESCALATED: "A human is needed",
    PipelineState.FAILED: "The pipeline failed",
    PipelineState.RESOLVED: "Resolved",
    PipelineState.REJECTED: "Nothing is done",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state to tell. `message`: what the timeline says of it; `approval`: what it asks for."""

    incident: Incident
    state: PipelineState
    message: str
    approval: Approval | None = None


class Wording:
    """Words messages. Text that `gate` finds garbled is left out, and said in our own words instead.

    `public_url`: where humans reach the API; `links`: None where no secret is set to sign them with.
    """

    def __init__(self, public_url: str, links: ApprovalLinks | None, gate: Gate) -> None:
        self._public_url = public_url
        self._links = links
        self._gate = gate

    def message(self, change: Change) -> Message:
        """The message of a change of state."""
        incident, asked = change.incident, change.approval
        sentences = self._approval(incident, asked) if asked else self._told(change)
        return Message(
            urgency=_URGENCIES.get(change.state, Urgency.INFO),
            title=_title(change),
            text=" ".join(sentences),
            topic=neutral(incident.id, 200),
            incident_url=f"{self._public_url}/incidents/{quote(incident.id, safe='')}",
            approval_link=self._links.link(asked) if self._links and asked else None,
        )

    def _approval(self, incident: Incident, asked: Approval) -> Sequence[str]:
        what = f"{asked.action} of {neutral(asked.target, 60)}"
        until = datetime.fromtimestamp(asked.expires_at, UTC).strftime("%H:%M")
        why = self._sentence(incident, asked.explanation, "")
        answer = f"Unless somebody approves or rejects it by {until} UTC, the incident is escalated."
        if self._links is None:
            answer += f" Answer with: aegisops incidents approve {neutral(incident.id, 200)}"
        return [one for one in (self._summary(incident), f"The council is for {what}.", why, answer) if one]

    def _told(self, change: Change) -> Sequence[str]:
        plain = f"The incident of {neutral(change.incident.service, 60)} is {change.state}."
        return self._sentence(change.incident, change.message, plain), self._summary(change.incident)

    def _summary(self, incident: Incident) -> str:
        kind = incident.type.replace("_", " ")
        plain = f"{neutral(incident.service, 60)} shows what looks like {kind}."
        return self._sentence(incident, incident.summary, plain)

    def _sentence(self, incident: Incident, text: str, otherwise: str) -> str:
        """`text` as a sentence of a message; `otherwise` where there is none that is fit to be read."""
        text = neutral(text, _MOST)
        names = (incident.service, incident.id, *(one.series for one in incident.evidence))
        if not text or not self._gate.check(text, names).ok:
            return otherwise
        if not text.startswith(incident.service):  # a name is written as it is
            text = text[0].upper() + text[1:]
        return text if text.endswith((".", "!", "?", "…")) else text + "."


def trial_message() -> Message:
    """What `aegisops notify test` sends."""
    return Message(
        urgency=Urgency.INFO,
        title="Test of notifications",
        text="This is a test: messages about incidents will arrive here.",
        topic="aegisops-test",
    )


def _title(change: Change) -> str:
    service, asked = neutral(change.incident.service, 60), change.approval
    if asked is not None:
        return f"Approve {asked.action} of {neutral(asked.target, 60)}?"
    return f"{_TITLES.get(change.state, change.state.replace('_', ' ').capitalize())}: {service}"
