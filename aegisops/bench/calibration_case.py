"""One made-up fault diagnosed: what was said, how far it was believed, and whether it was right."""

from dataclasses import dataclass

from aegisops.bench.injection_case import ALLOWED
from aegisops.bench.synthetic_incident import Drawn
from responder.diagnose import OfflineAnalyst
from responder.diagnose.calibration import Calibration, Standing, standing
from responder.diagnose.cause import load_causes
from responder.diagnose.reading import LogPatterns, Reading
from responder.incident_record import Case, Diagnosis, DiagnosisOutcome


@dataclass(frozen=True, slots=True)
class Judged:
    """A diagnosis with a cause. `belief` is what the analyst starts from, `confidence` what it states."""

    fault: str
    standing: Standing
    belief: float
    confidence: float
    right: bool


def is_right(diagnosis: Diagnosis, drawn: Drawn) -> bool:
    """Whether it names the type of a fault that is there and proposes first what ends that one."""
    first = diagnosis.proposals[0].action if diagnosis.proposals else None
    return any(diagnosis.incident_type is kind.type and first in kind.mends for kind in drawn.kinds)


class Judge:
    """Diagnoses examples as the responder would, with the map that is shipped and without one."""

    def __init__(self) -> None:
        self._causes = load_causes()
        self._patterns = LogPatterns.load()
        self._shipped = OfflineAnalyst(self._causes, self._patterns)
        self._believing = OfflineAnalyst(self._causes, self._patterns, Calibration.none())

    def judged(self, drawn: Drawn) -> Judged | None:
        """None where there was nothing to diagnose, or it is left to a human."""
        if drawn.incident is None:
            return None
        case = Case(drawn.incident, ALLOWED)
        believed = self._believing.diagnose(case)
        if believed.outcome is not DiagnosisOutcome.FAULT:
            return None
        stands = standing(Reading(case.incident, self._patterns), believed.incident_type, self._causes)
        stated = self._shipped.diagnose(case).confidence
        return Judged(drawn.name, stands, believed.confidence, stated, is_right(believed, drawn))
