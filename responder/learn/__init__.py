"""Learning: the runbook of what helped against which pattern of evidence, on which service."""

from responder.learn.config import RunbookConfig
from responder.learn.decay import DAY_S, Decay
from responder.learn.entry import RunbookEntry
from responder.learn.exchange import ExchangedEntry, ExchangedRunbook
from responder.learn.kept_shelf import RunbookStore
from responder.learn.lesson import Feedback, FeedbackVerdict, Lesson
from responder.learn.runbook import ImportResult, Runbook

__all__ = [
    "DAY_S",
    "Decay",
    "ExchangedEntry",
    "ExchangedRunbook",
    "Feedback",
    "FeedbackVerdict",
    "ImportResult",
    "Lesson",
    "Runbook",
    "RunbookConfig",
    "RunbookEntry",
    "RunbookStore",
]
