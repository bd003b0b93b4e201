"""Remedies by a Kubernetes cluster: `executor.py` first, its steps in `step.py`."""

from responder.remediate.kubernetes.executor import KIND

__all__ = ["KIND"]
