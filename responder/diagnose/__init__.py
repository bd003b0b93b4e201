"""Diagnosis: from an incident's evidence to a root cause and proposed actions."""

from responder.diagnose.analyst import Analyst

__all__ = ["Analyst"]
