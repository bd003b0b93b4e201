"""The way of an incident: the durable workflow, its steps, and what they need of the rooms they lead through.

`workflow` is the state machine; `deciding`, `acting` and `ending` are its steps, in this order.
"""

from responder.pipeline.case_files import StepsConfig
from responder.pipeline.durable import DbosWorkflows, DirectSteps, Steps, StopGate
from responder.pipeline.rooms import Deliberation, Learning, Remediation, Rooms, Verifying
from responder.pipeline.steps import PipelineSteps
from responder.pipeline.workflow import Pipeline

__all__ = [
    "DbosWorkflows",
    "Deliberation",
    "DirectSteps",
    "Learning",
    "Pipeline",
    "PipelineSteps",
    "Remediation",
    "Rooms",
    "Steps",
    "StepsConfig",
    "StopGate",
    "Verifying",
]
