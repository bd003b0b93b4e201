"""A model's diagnosis together with what is known without one: models choose, never widen, never remove."""

from dataclasses import replace

from responder.diagnose.llm.provider import BadAnswer, Refusal
from responder.incident_record import Diagnosis, DiagnosisOutcome


def merged(model: Diagnosis, known: Diagnosis) -> Diagnosis:
    """The diagnosis that counts. `known`: the offline analyst's, on the same case.

    Of a fault, the model's proposals come first, in its order; remedies known without it follow. A model
    that cannot tell does not take a known remedy away. Only telemetry ends an open incident: "nothing is
    wrong" is refused where a fault is known (BadAnswer), and is shown to a human otherwise.
    """
    fault_known = known.outcome is DiagnosisOutcome.FAULT
    match model.outcome:
        case DiagnosisOutcome.FAULT:
            chosen = {one.action for one in model.proposals}
            others = tuple(one for one in known.proposals if fault_known and one.action not in chosen)
            return replace(model, proposals=(*model.proposals, *others))
        case DiagnosisOutcome.NOT_ENOUGH_EVIDENCE:
            return known if fault_known else model
        case _:
            if fault_known:
                raise BadAnswer(
                    Refusal.CONTRADICTS_TELEMETRY, "outcome: nothing_wrong, while telemetry shows a fault"
                )
            text = f"The model holds that nothing is wrong, but the incident is open. {model.root_cause}"
            return replace(model, outcome=DiagnosisOutcome.NOT_ENOUGH_EVIDENCE, root_cause=text)
