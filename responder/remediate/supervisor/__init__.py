"""Remedies by supervisord: `executor.py` first, its steps in `step.py`."""

from responder.remediate.supervisor.executor import KIND

__all__ = ["KIND"]
