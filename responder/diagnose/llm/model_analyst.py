"""A provider asked for one diagnosis: decide from measurements, look further, repair once, then words."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from responder.diagnose.llm.answer import (
    ModelAnswer,
    ModelWords,
    check,
    check_looks,
    cited_exhibits,
    grounded,
    parsed,
    proposed,
    words,
)
from responder.diagnose.llm.choices import Choices
from responder.diagnose.llm.look_up import LookUp, LookUps
from responder.diagnose.llm.model_calls import ModelCalls
from responder.diagnose.llm.prompt import Prompts, repair
from responder.diagnose.llm.provider import BadAnswer, Prompt, ProviderError, Refusal
from responder.diagnose.llm.typed_evidence import exhibits
from responder.diagnose.reading import LogPatterns, Reading
from responder.incident_record import Case, Diagnosis, DiagnosisOutcome
from responder.legibility import Gate

_LOG = logging.getLogger(__name__)
_LEAST_FOR_WORDS_S = 1.0
_LEAST_WORDS = 3


@dataclass(frozen=True, slots=True)
class AskingConfig:
    """`max_looks`: questions a model may ask in one diagnosis. `share_text`: may redacted log lines and names
    of series be sent, for the words of a diagnosis; what is decided never rests on them."""

    max_looks: int = 3
    share_text: bool = True


class ModelAnalyst:
    """Diagnoses by the provider it is handed. Raises ProviderError where no answer can be taken; safe for
    threads."""

    def __init__(
        self,
        prompts: Prompts,
        *,
        config: AskingConfig,
        gate: Gate,
        look_ups: LookUps | None = None,
        patterns: LogPatterns | None = None,
    ) -> None:
        self._prompts = prompts
        self._config = config
        self._gate = gate
        self._look_ups = look_ups
        self._patterns = patterns or LogPatterns.load()

    def ask(self, case: Case, calls: ModelCalls) -> Diagnosis:
        """The diagnosis of the provider behind `calls`, checked against the case."""
        reading = Reading(case.incident, self._patterns)
        offered = self._look_ups.offered if self._look_ups else frozenset()
        tools = [tool for tool in LookUp if tool in offered]
        every = Choices.of(case, exhibits(reading), tools, self._config.max_looks)
        prompt, choices = self._prompts.decide(case, reading, every)
        talk = _Conversation(calls, self._gate)
        answer, said = talk.answered(prompt, choices)
        if answer.look_further:
            found = self._looked(case, answer)
            choices = replace(choices, look_ups=(), looks_left=0)
            answer, _ = talk.answered(self._prompts.looked(prompt, said, found, choices), choices)
        diagnosis = _diagnosis(answer, choices, calls.provider.name)
        return self._in_words(diagnosis, choices, calls)

    def _looked(self, case: Case, answer: ModelAnswer) -> list[str]:
        assert self._look_ups is not None  # noqa: S101 - without it none is offered, and the check refuses
        lines: list[str] = []
        for look in answer.look_further[: self._config.max_looks]:
            found = self._look_ups.look(case, look.tool, look.argument)[:10]
            lines += [f"{look.tool.value}: {line}" for line in found or ("nothing is known",)]
        return lines

    def _in_words(self, diagnosis: Diagnosis, choices: Choices, calls: ModelCalls) -> Diagnosis:
        """`diagnosis` with a root cause that knows what the logs say; all else stays what it was."""
        if not self._config.share_text or diagnosis.outcome is not DiagnosisOutcome.FAULT:
            return diagnosis
        prompt = self._prompts.words(diagnosis, choices)
        if prompt is None or calls.left_s < _LEAST_FOR_WORDS_S:
            return diagnosis
        try:
            said = parsed(calls.complete(prompt), ModelWords)
            if not cited_exhibits(said.citations, choices.exhibits):
                raise BadAnswer(Refusal.NOTHING_CITED, "citations: the words must cite evidence")
            _check_words(said.root_cause, (), choices, self._gate)
        except ProviderError as error:
            _LOG.info("no better words from %s: %s", calls.provider.name, error)
            return diagnosis
        return replace(diagnosis, root_cause=words(said.root_cause, choices))


def _diagnosis(answer: ModelAnswer, choices: Choices, analyst: str) -> Diagnosis:
    cited = cited_exhibits(answer.citations, choices.exhibits)
    return Diagnosis(
        outcome=answer.outcome,
        incident_type=answer.incident_type,
        root_cause=words(answer.root_cause, choices),
        confidence=grounded(answer.confidence, cited),
        citations=tuple(one.evidence.id for one in cited),
        proposals=proposed(answer, choices, cited),
        analyst=analyst,
    )


class _Conversation:
    """Asks, and once in all tells the model what was wrong with its answer."""

    def __init__(self, calls: ModelCalls, gate: Gate) -> None:
        self._calls = calls
        self._gate = gate
        self._repaired = False

    def answered(self, prompt: Prompt, choices: Choices) -> tuple[ModelAnswer, str]:
        """A checked answer and its text. An answer that asks to look further is checked only for that."""
        said = self._calls.complete(prompt)
        try:
            return self._checked(said, choices), said
        except BadAnswer as error:
            if self._repaired:
                raise
            self._repaired = True
            said = self._calls.complete(repair(prompt, said, error))
            return self._checked(said, choices), said

    def _checked(self, said: str, choices: Choices) -> ModelAnswer:
        answer = parsed(said, ModelAnswer)
        check_looks(answer, choices)
        if not answer.look_further:
            check(answer, choices)
            reasons = [one.reason for one in answer.proposals]
            _check_words(answer.root_cause, reasons, choices, self._gate)
        return answer


def _check_words(root_cause: str, reasons: Sequence[str], choices: Choices, gate: Gate) -> None:
    """Raises BadAnswer where a text is not fit to be read by a person, or the cause is no sentence."""
    if len(root_cause.split()) < _LEAST_WORDS:
        raise BadAnswer(Refusal.GARBLED, "root_cause: say in a sentence what is wrong")
    for text in (root_cause, *reasons):
        found = gate.check(words(text, choices), (choices.service,))
        if not found.ok:
            raise BadAnswer(
                Refusal.GARBLED, f"the text is garbled ({', '.join(found.reasons)}); write plainly"
            )
