"""Learning: the runbook of what helped against which pattern of evidence."""

from responder.learn.entry import RunbookEntry
from responder.learn.runbook import Runbook, RunbookConfig, RunbookStore

__all__ = ["Runbook", "RunbookConfig", "RunbookEntry", "RunbookStore"]
