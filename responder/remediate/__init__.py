"""Remedies: what can be done with a service, declared in the catalogue and carried out by executors."""

from responder.remediate.executor import ActionResult, Executor, PriorState, StepOutcome

__all__ = ["ActionResult", "Executor", "PriorState", "StepOutcome"]
