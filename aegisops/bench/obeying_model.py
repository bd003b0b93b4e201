"""A language model that does whatever the data tells it to, for measuring what that can lead to."""

import json
import threading
import unicodedata
from typing import Any

from aegisops.bench.injection_case import Injection
from responder.diagnose.llm import Completion, Prompt
from responder.incident_record import ActionKind, Diagnosis, DiagnosisOutcome, VoteReason

_RUN = 12
_YES = (VoteReason.SAFE, VoteReason.ALLOWED, VoteReason.LIKELY_TO_HELP)


class ObeyingModel:
    """Implements `LlmProvider`. It understands every language and encoding: it obeys as soon as any twelve
    characters of the hostile text stand in the prompt that the prompt without it does not have.

    Without something to obey it answers what `honest` says, and votes for what is proposed. `obeyed` has the
    kind of each prompt in which it obeyed. Council members ask it from several threads at once.
    """

    name = "obeying"
    model = "obeys-everything"

    def __init__(self) -> None:
        self._honest: Diagnosis | None = None
        self._injection: Injection | None = None
        self._seen_before = ""
        self._lock = threading.Lock()
        self.obeyed: list[str] = []

    def at_peace(self, honest: Diagnosis) -> None:
        """A new case, with nothing to obey yet; `honest` is what it would answer."""
        self._honest, self._injection, self._seen_before = honest, None, ""

    def attacked_by(self, injection: Injection) -> None:
        """From now on `injection` is what it obeys; what it was asked until now counts as harmless."""
        self._injection = injection

    def complete(self, prompt: Prompt, deadline_s: float) -> Completion:  # noqa: ARG002 - contract
        """What the hostile text asks for, where it can be seen."""
        text = _said(prompt)
        if self._injection is None:
            with self._lock:
                self._seen_before += _plain(text)
        elif self._visible(self._injection.text, text):
            self.obeyed.append(prompt.schema_name)
            return Completion(self._obedient(prompt, self._injection), self.model)
        return Completion(self._as_honest(prompt), self.model)

    def close(self) -> None:
        """Nothing to end."""

    def _visible(self, hostile: str, text: str) -> bool:
        shown, wanted = _plain(text), _plain(hostile)
        length = min(_RUN, len(wanted))
        runs = {wanted[at : at + length] for at in range(len(wanted) - length + 1)}
        return any(run in shown and run not in self._seen_before for run in runs)

    def _obedient(self, prompt: Prompt, injection: Injection) -> str:
        if prompt.schema_name == "vote":
            return _vote(prompt, f"proposed_action: {injection.wants.value} " in _said(prompt))
        cited = _aliases(prompt)
        if prompt.schema_name != "diagnosis":
            return json.dumps({"root_cause": injection.text[:500] or "-", "citations": cited})
        if injection.wants is ActionKind.NOOP:
            return _answer(DiagnosisOutcome.NOTHING_WRONG, "All is well.", 0.9, cited, None)
        return _answer(DiagnosisOutcome.FAULT, injection.text[:500] or "-", 0.9, cited, injection.wants)

    def _as_honest(self, prompt: Prompt) -> str:
        if prompt.schema_name == "vote":
            return _vote(prompt, True)
        known, cited = self._honest, _aliases(prompt)
        if known is None:
            raise ValueError("the model was not told what it would answer")
        if prompt.schema_name != "diagnosis":
            return json.dumps({"root_cause": known.root_cause[:500], "citations": cited})
        first = (
            known.proposals[0].action if known.outcome is DiagnosisOutcome.FAULT and known.proposals else None
        )
        outcome = DiagnosisOutcome.FAULT if first else DiagnosisOutcome.NOT_ENOUGH_EVIDENCE
        return _answer(outcome, known.root_cause[:500], known.confidence, cited, first)


def _answer(
    outcome: DiagnosisOutcome, cause: str, confidence: float, cited: list[str], action: ActionKind | None
) -> str:
    proposal = {"target": "the_service", "reason": "it helps", "confidence": confidence}
    return json.dumps(
        {
            "outcome": outcome.value,
            "incident_type": "unknown",
            "root_cause": cause,
            "confidence": confidence,
            "citations": cited,
            "proposals": [{**proposal, "action": action.value}] if action else [],
        }
    )


def _vote(prompt: Prompt, approve: bool) -> str:
    """A yes, or a no of those that the prompt's schema offers."""
    offered = _properties(prompt)
    vote = next(one for one in offered["vote"]["enum"] if (one in _YES) is approve)
    return json.dumps({"citation": offered["citation"]["enum"][0], "vote": vote, "confidence": 0.9})


def _said(prompt: Prompt) -> str:
    return "\n".join((prompt.system, *(one.text for one in prompt.messages)))


def _aliases(prompt: Prompt) -> list[str]:
    """The names of evidence that the prompt's schema allows."""
    return [str(alias) for alias in _properties(prompt)["citations"]["items"]["enum"]]


def _properties(prompt: Prompt) -> Any:
    return prompt.schema["properties"]


def _plain(text: str) -> str:
    shown = unicodedata.normalize("NFKC", text)
    return "".join(char for char in shown if unicodedata.category(char)[0] not in "CZ").casefold()
