"""More replicas of a workload, and fewer."""

from responder.remediate.kubernetes.change import Change, require_same
from responder.remediate.kubernetes.progress import scaled_to
from responder.remediate.kubernetes.step import ScaleDown, ScaleUp
from responder.remediate.kubernetes.workload import Before, Look
from responder.remediate.replicas import replica_count
from responder.remediate.step_error import StepRefusedError

Scale = ScaleUp | ScaleDown


def plan_scale(step: Scale, look: Look, before: Before | None) -> Change:
    """`before` given: counted from how many there were then."""
    workload = look.workload
    require_same(workload, before)
    _require_no_autoscaler(look)
    if before is None:
        _require_room(step, look)
    goal = goal_of(step, workload.replicas if before is None else before.replicas)
    reached = goal <= workload.replicas if isinstance(step, ScaleUp) else goal >= workload.replicas
    return _change(look, workload.replicas if reached else goal)


def plan_scale_undo(step: Scale, look: Look, before: Before) -> Change:
    """Only from where the step left it: what somebody else asked for since is left alone."""
    require_same(look.workload, before)
    _require_no_autoscaler(look)
    now, goal = look.workload.replicas, goal_of(step, before.replicas)
    if now not in (goal, before.replicas):
        raise StepRefusedError(
            f"{look.workload.target} is to have {replica_count(now)}, neither the {goal} that were asked "
            f"for nor the {before.replicas} before that; somebody else scaled it, and it is left alone"
        )
    return _change(look, before.replicas)


def goal_of(step: Scale, replicas: int) -> int:
    """How many there are to be, where there are `replicas`."""
    if isinstance(step, ScaleUp):
        return max(replicas, min(step.max_replicas, replicas + step.by))
    return min(replicas, max(step.min_replicas, replicas - step.by))


def _change(look: Look, goal: int) -> Change:
    workload = look.workload
    patch = {
        "metadata": {"resourceVersion": workload.resource_version},
        "spec": {"replicas": goal},
    }
    there = workload.replicas == goal
    return Change(
        workload,
        None if there else patch,
        scaled_to(goal),
        f"scale {workload.target} from {workload.replicas} to {replica_count(goal)}",
        f"{workload.target} has {replica_count(goal)}, as was asked before"
        if there
        else f"scaled {workload.target} from {workload.replicas} to {replica_count(goal)}",
        "/scale",
    )


def _require_no_autoscaler(look: Look) -> None:
    if look.autoscaler is not None:
        raise StepRefusedError(
            f"the HorizontalPodAutoscaler {look.autoscaler} scales {look.workload.target} and would take it "
            "back; set its bounds instead, and leave scaling out of the catalogue"
        )


def _require_room(step: Scale, look: Look) -> None:
    now, target = look.workload.replicas, look.workload.target
    if now == 0:
        raise StepRefusedError(f"{target} is to have no replicas: somebody switched it off, and it stays so")
    if isinstance(step, ScaleUp) and now >= step.max_replicas:
        raise StepRefusedError(f"{target} has {replica_count(now)}, max_replicas is {step.max_replicas}")
    if isinstance(step, ScaleDown) and now <= step.min_replicas:
        raise StepRefusedError(f"{target} has {replica_count(now)}, min_replicas is {step.min_replicas}")
