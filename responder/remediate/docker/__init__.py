"""Remedies by a Docker engine: `executor.py` first, its steps in `step.py`."""

from responder.remediate.docker.executor import KIND

__all__ = ["KIND"]
