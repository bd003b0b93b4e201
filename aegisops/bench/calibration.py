"""Is a diagnosis right as often as it says?

Made-up faults on made-up services go through the detector's own engine; what it reports is diagnosed by the
offline analyst. A diagnosis is right where it names the true type of fault and its first proposal ends it.
Stated confidence is compared with the share that was right in ten bins of equal width;
`ece` is the expected calibration error (Guo et al., On Calibration of Modern Neural Networks, 2017).
"""

from collections import Counter
from collections.abc import Sequence

from aegisops.bench.injection_case import ALLOWED
from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows
from aegisops.bench.synthetic_fault import KINDS
from aegisops.bench.synthetic_incident import Example, draw_examples
from responder.diagnose import OfflineAnalyst
from responder.incident_record import Case, Diagnosis, DiagnosisOutcome

_BINS = 10
_SEED = 2
_COUNT = 780

Judged = tuple[float, bool]
"""Stated confidence, and whether the diagnosis was right."""


def is_right(diagnosis: Diagnosis, example: Example) -> bool:
    """Whether it names the true type and proposes first what ends the fault."""
    first = diagnosis.proposals[0].action if diagnosis.proposals else None
    return diagnosis.incident_type is example.kind.type and first in example.kind.mends


def bins(judged: Sequence[Judged]) -> list[list[Judged]]:
    """`judged` in ten bins of equal width by stated confidence."""
    out: list[list[Judged]] = [[] for _ in range(_BINS)]
    for one in judged:
        out[min(_BINS - 1, int(one[0] * _BINS))].append(one)
    return out


def expected_error(judged: Sequence[Judged]) -> float:
    """The mean gap between confidence and share right over the bins, weighted by their size."""
    gaps = (abs(sum(c for c, _ in one) - sum(right for _, right in one)) for one in bins(judged))
    return sum(gaps) / len(judged) if judged else 1.0


def measure(seed: int, count: int) -> BenchResult:
    """The figures for `count` faults drawn with `seed`."""
    analyst = OfflineAnalyst()
    judged: list[Judged] = []
    seen: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {kind.name: Counter() for kind in KINDS}
    for number, example in enumerate(draw_examples(seed, count)):
        row = by_kind[KINDS[number % len(KINDS)].name]
        if example is None:
            seen["not_detected"] += 1
            row["not detected"] += 1
            continue
        diagnosis = analyst.diagnose(Case(example.incident, ALLOWED))
        if diagnosis.outcome is not DiagnosisOutcome.FAULT:
            seen["left_to_a_human"] += 1
            row["left to a human"] += 1
            continue
        right = is_right(diagnosis, example)
        judged.append((diagnosis.confidence, right))
        row["right" if right else "wrong"] += 1
    rows = []
    for at, one in enumerate(bins(judged)):
        if one:
            stated = sum(c for c, _ in one) / len(one)
            share = sum(right for _, right in one) / len(one)
            span = f"{at / _BINS:.1f}-{(at + 1) / _BINS:.1f}"
            rows.append((span, len(one), round(stated, 3), round(share, 3), round(share - stated, 3)))
    columns = ("right", "wrong", "left to a human", "not detected")
    return BenchResult(
        "calibration",
        (
            Figure("ece", expected_error(judged), Goal(Bound.AT_MOST, 0.05), "expected calibration error"),
            Figure("cases", count, about="made-up faults"),
            Figure("diagnosed", len(judged), about="with a cause and a stated confidence"),
            Figure("right", sum(right for _, right in judged) / max(1, len(judged)), about="share of those"),
            Figure("left_to_a_human", seen["left_to_a_human"], about="not enough evidence"),
            Figure("not_detected", seen["not_detected"], about="the detector opened no incident"),
        ),
        (
            Rows("reliability", ("stated", "cases", "mean stated", "share right", "gap"), tuple(rows)),
            Rows(
                "by_fault",
                ("fault", *columns),
                tuple((name, *(row[one] for one in columns)) for name, row in by_kind.items()),
            ),
        ),
    )


def run(say: Say) -> BenchResult:
    """The figures of the shipped draw."""
    say(f"{_COUNT} made-up faults, seed {_SEED}: about two minutes")
    return measure(_SEED, _COUNT)
