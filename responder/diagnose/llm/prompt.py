"""The prompts: short enough for a small model, one that decides and one that only writes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from detector import IncidentType
from responder.diagnose.llm import fence
from responder.diagnose.llm.choices import TARGET, Choices, words_schema
from responder.diagnose.llm.look_up import MEANING
from responder.diagnose.llm.provider import BadAnswer, Message, Prompt
from responder.diagnose.llm.typed_evidence import (
    Exhibit,
    believed_types,
    circumstances,
    experience,
    recent,
)
from responder.diagnose.reading import Reading
from responder.incident_record import ActionKind, Case, Diagnosis
from responder.redaction import redact

ACTIONS = {
    ActionKind.RESTART: "restart its processes, one after the other",
    ActionKind.SCALE_UP: "start more replicas",
    ActionKind.SCALE_DOWN: "stop some replicas",
    ActionKind.CLEANUP: "delete temporary files",
    ActionKind.RECYCLE_POOL: "close and reopen the database connections",
    ActionKind.FAILOVER: "send its calls to the other endpoint of a dependency",
    ActionKind.ROLLBACK: "go back to the release or configuration before",
    ActionKind.RAISE_LIMIT: "give it more memory, up to a ceiling",
}
_DECIDE = """You diagnose an incident of one service, called {target}, from measured evidence.
{fence}
Answer with one JSON object and nothing else:
{{"outcome": "fault" | "not_enough_evidence" | "nothing_wrong",
"incident_type": one of {types},
"root_cause": one or two plain sentences, "confidence": 0 to 1,
"citations": ids of the evidence it rests on, such as ["e1"],
"proposals": best first, [{{"action": an allowed action, "target": "{target}", "reason": one sentence,
"confidence": 0 to 1}}]{look}}}
Rules: cite only ids that are listed; a fault needs a cited piece that is not from log. Confidence may not be
more than the strength of what you cite. proposals is [] unless outcome is fault. If the evidence does not
tell, answer not_enough_evidence.
Allowed actions: {actions}"""
_LOOK = """,
"look_further": [] or at most {left} questions [{{"tool": a tool, "argument": a signal or ""}}]"""
_WORDS = """You explain a decided incident of one service, called {target}, to the engineer on call.
{fence}
Answer with one JSON object and nothing else:
{{"root_cause": two or three plain sentences on what is wrong and what shows it,
"citations": ids of evidence, such as ["e1"]}}
Cite only ids that are listed. Do not propose anything."""
_MAX_TEXT_LINES = 12
_MAX_LOG_CHARS = 240
_MIN_EXHIBITS = 3


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """`tokens` bounds system text and messages together (by estimate), `answer_tokens` the answer."""

    tokens: int = 2500
    answer_tokens: int = 600


@dataclass(frozen=True, slots=True)
class Prompts:
    """Writes the prompts. `draw_mark` gives an unguessable word each time (the marks around data)."""

    limits: PromptLimits
    draw_mark: Callable[[], str]

    def decide(self, case: Case, reading: Reading, choices: Choices) -> tuple[Prompt, Choices]:
        """The prompt to decide by, and the choices as shown: evidence that does not fit is left out.

        It holds nothing but words of ours and numbers (`typed_evidence`).
        """
        learned = experience(case, believed_types(case), choices.actions)
        known = (*circumstances(case, reading), *learned, *recent(case))
        mark = fence.new_mark(self.draw_mark, ())
        system = _DECIDE.format(
            target=TARGET,
            fence=fence.explained(mark),
            types=", ".join(IncidentType),
            actions="; ".join(f"{one.value} ({ACTIONS[one]})" for one in choices.actions) or "none",
            look=_LOOK.format(left=choices.looks_left) if choices.look_ups else "",
        )
        if choices.look_ups:
            tools = "; ".join(f"{one.value} ({MEANING[one]})" for one in choices.look_ups)
            system += f"\nTools to look further, only if that would change the answer: {tools}"
        shown = that_fits(choices.exhibits, self.limits.tokens, system, known)
        text = fence.fenced(mark, "evidence", (*(one.line for one in shown), *known))
        shown_choices = replace(choices, exhibits=shown)
        return self._prompt(system, text, "diagnosis", shown_choices.schema()), shown_choices

    def words(self, diagnosis: Diagnosis, choices: Choices) -> Prompt | None:
        """The prompt to put a diagnosis in words, with text the service sent; None where it sent none.

        Whatever comes back is shown to people and decides nothing.
        """
        lines = list(dict.fromkeys(self._raw(choices.exhibits)))[:_MAX_TEXT_LINES]
        if not lines:
            return None
        mark = fence.new_mark(self.draw_mark, lines)
        system = _WORDS.format(target=TARGET, fence=fence.explained(mark))
        best = diagnosis.proposals[0].action.value if diagnosis.proposals else "none"
        decided = f"decided: {diagnosis.incident_type.value}; next action: {best}"
        left = self.limits.tokens - fence.tokens(system) - fence.tokens(decided) - 60
        body: list[str] = []
        for line in (*(one.line for one in choices.exhibits[:6]), *lines):
            left -= fence.tokens(line) + 1
            if left < 0:
                break
            body.append(line)
        text = f"{decided}\n{fence.fenced(mark, 'evidence and text of the service', body)}"
        return self._prompt(system, text, "explanation", words_schema(choices.exhibits))

    def _raw(self, exhibits: Sequence[Exhibit]) -> list[str]:
        lines = []
        for one in exhibits:
            lines += [
                f"{one.alias} log: {redact(line, _MAX_LOG_CHARS)}" for line in one.evidence.log_lines[:4]
            ]
        return lines + [f"{one.alias} series: {redact(one.evidence.series, 160)}" for one in exhibits[:4]]

    def _prompt(self, system: str, text: str, name: str, schema: dict[str, object]) -> Prompt:
        return Prompt(system, (Message("user", text),), name, schema, self.limits.answer_tokens)

    def looked(self, prompt: Prompt, said: str, answers: Sequence[str], choices: Choices) -> Prompt:
        """`prompt` once more, with the answers to the questions; no more may be asked."""
        mark = fence.new_mark(self.draw_mark, answers)
        told = (
            f"{fence.explained(mark)}\n{fence.fenced(mark, 'answers to your questions', answers)}\n"
            "Now decide, without look_further."
        )
        return _extended(prompt, said, told, choices.schema())


def that_fits(
    exhibits: Sequence[Exhibit], limit: int, system: str, known: Sequence[str]
) -> tuple[Exhibit, ...]:
    """The first exhibits that fit in a prompt of `limit` tokens beside the rest of it; a few at least."""
    left = limit - fence.tokens(system) - fence.tokens("\n".join(known)) - 60
    shown: list[Exhibit] = []
    for one in exhibits:
        left -= fence.tokens(one.line) + 1
        if left < 0 and len(shown) >= _MIN_EXHIBITS:
            break
        shown.append(one)
    return tuple(shown)


def repair(prompt: Prompt, said: str, error: BadAnswer) -> Prompt:
    """`prompt` once more, with what was wrong with the answer."""
    told = f"That answer cannot be used. {error}. Answer again with one JSON object that keeps the rules."
    return _extended(prompt, said, told, prompt.schema)


def _extended(prompt: Prompt, said: str, told: str, schema: Mapping[str, object]) -> Prompt:
    messages = (*prompt.messages, Message("assistant", said[:1500] or "{}"), Message("user", told))
    return Prompt(prompt.system, messages, prompt.schema_name, schema, prompt.max_tokens)
