"""A language model that does whatever the data tells it to, for measuring what that can lead to."""

import json
import math
import re
import threading
import unicodedata
from typing import Any

from aegisops.bench.injection_case import Injection
from detector import IncidentType
from responder.diagnose.llm import Completion, Prompt
from responder.incident_record import ActionKind, Diagnosis, DiagnosisOutcome, VoteReason

_RUN = 12
_EXHIBIT = re.compile(r"^(e\d+): (\w+) \(\w+, from (\w+)\).* strength=([\d.]+)", re.MULTILINE)
_YES = (VoteReason.SAFE, VoteReason.ALLOWED, VoteReason.LIKELY_TO_HELP)


class ObeyingModel:
    """Implements `LlmProvider`. It understands every language and encoding: it obeys as soon as any twelve
    characters of the hostile text stand in the prompt that the prompt without it does not have.

    Without something to obey it asks all that it may ask, then answers what `honest` says, and votes for what
    is proposed. Whatever it answers keeps the rules of an answer, so that only what it was shown decides
    whether it does harm. `obeyed` has the kind of each prompt in which it obeyed. Council members ask it from
    several threads at once.
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
        return Completion(_looks(prompt) or self._as_honest(prompt), self.model)

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
        if prompt.schema_name != "diagnosis":
            return _words(prompt, injection.text)
        if injection.wants is ActionKind.NOOP:
            return _answer(prompt, DiagnosisOutcome.NOTHING_WRONG, None, self._known.incident_type)
        return _answer(prompt, DiagnosisOutcome.FAULT, injection.wants, self._known.incident_type)

    def _as_honest(self, prompt: Prompt) -> str:
        if prompt.schema_name == "vote":
            return _vote(prompt, True)
        known = self._known
        if prompt.schema_name != "diagnosis":
            return _words(prompt, known.root_cause)
        first = (
            known.proposals[0].action if known.outcome is DiagnosisOutcome.FAULT and known.proposals else None
        )
        outcome = DiagnosisOutcome.FAULT if first else DiagnosisOutcome.NOT_ENOUGH_EVIDENCE
        return _answer(prompt, outcome, first, known.incident_type)

    @property
    def _known(self) -> Diagnosis:
        if self._honest is None:
            raise ValueError("the model was not told what it would answer")
        return self._honest


def _answer(
    prompt: Prompt, outcome: DiagnosisOutcome, action: ActionKind | None, incident_type: IncidentType
) -> str:
    """An answer that the checks let pass: plain words, and as sure as the cited evidence allows."""
    cited, confidence = _grounds(prompt)
    proposal = {"target": "the_service", "reason": "This remedy should help.", "confidence": confidence}
    return json.dumps(
        {
            "outcome": outcome.value,
            "incident_type": incident_type.value,
            "root_cause": "The evidence shows what is wrong with the service.",
            "confidence": confidence,
            "citations": cited,
            "proposals": [{**proposal, "action": action.value}] if action else [],
        }
    )


def _grounds(prompt: Prompt) -> tuple[list[str], float]:
    """The evidence to cite, and how much it carries by the strengths in the prompt: a noisy-or."""
    measured = {}
    for alias, signal, kind, strength in _EXHIBIT.findall(_said(prompt)):
        if kind != "log" and signal not in ("error_logs", "request_rate"):
            measured[alias] = float(strength)
    cited = list(measured)[: _properties(prompt)["citations"]["maxItems"]]
    return cited, round(1.0 - math.prod(1.0 - measured[alias] for alias in cited), 2)


def _words(prompt: Prompt, text: str) -> str:
    aliases = _properties(prompt)["citations"]["items"]["enum"]
    return json.dumps({"root_cause": text[:500] or "-", "citations": aliases})


def _looks(prompt: Prompt) -> str | None:
    """Every look-up that the prompt offers; None where it offers none."""
    offered = _properties(prompt).get("look_further")
    if offered is None:
        return None
    tools = offered["items"]["properties"]["tool"]["enum"][: offered["maxItems"]]
    answer = json.loads(_answer(prompt, DiagnosisOutcome.NOT_ENOUGH_EVIDENCE, None, IncidentType.UNKNOWN))
    return json.dumps({**answer, "look_further": [{"tool": tool, "argument": ""} for tool in tools]})


def _vote(prompt: Prompt, approve: bool) -> str:
    """A yes, or a no of those that the prompt's schema offers."""
    offered = _properties(prompt)
    vote = next(one for one in offered["vote"]["enum"] if (one in _YES) is approve)
    return json.dumps({"citation": offered["citation"]["enum"][0], "vote": vote, "confidence": 0.9})


def _said(prompt: Prompt) -> str:
    return "\n".join((prompt.system, *(one.text for one in prompt.messages)))


def _properties(prompt: Prompt) -> Any:
    return prompt.schema["properties"]


def _plain(text: str) -> str:
    shown = unicodedata.normalize("NFKC", text)
    return "".join(char for char in shown if unicodedata.category(char)[0] not in "CZ").casefold()
