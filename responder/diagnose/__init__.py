"""Diagnosis: from an incident's evidence to a root cause and proposed actions."""

from responder.diagnose.analyst import Analyst
from responder.diagnose.drill import DrillAnalyst
from responder.diagnose.offline import OfflineAnalyst

__all__ = ["Analyst", "DrillAnalyst", "OfflineAnalyst"]
