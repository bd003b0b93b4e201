"""The way of an incident: the durable workflow, its steps, and what they need of the rooms they lead through.

`workflow` is the state machine; `deciding`, `permitting`, `acting` and `ending` are its steps, in this
order; `starting` starts them, `waiting` takes incidents up again that waited for a human, `taking_up` those
whose workflow was never started, `taking_over` those of a responder that died.
"""

from responder.pipeline.case_files import StepsConfig
from responder.pipeline.durable import DbosWorkflows, DirectSteps, Steps, StopGate, continuation
from responder.pipeline.instance import SINGLE, new_instance
from responder.pipeline.past import StoredPast
from responder.pipeline.rooms import Deliberation, Learning, Remediation, Rooms, Ruling, Verifying
from responder.pipeline.starting import Starting
from responder.pipeline.steps import PipelineSteps
from responder.pipeline.taking_over import TakingOver
from responder.pipeline.taking_up import TakingUp
from responder.pipeline.waiting import Waiting
from responder.pipeline.workflow import Pipeline

__all__ = [
    "SINGLE",
    "DbosWorkflows",
    "Deliberation",
    "DirectSteps",
    "Learning",
    "Pipeline",
    "PipelineSteps",
    "Remediation",
    "Rooms",
    "Ruling",
    "Starting",
    "Steps",
    "StepsConfig",
    "StopGate",
    "StoredPast",
    "TakingOver",
    "TakingUp",
    "Verifying",
    "Waiting",
    "continuation",
    "new_instance",
]
