"""Is a diagnosis right as often as it says?

Made-up faults on made-up services go through the detector's own engine; what it reports is diagnosed by the
offline analyst. A diagnosis is right where it names the true type of a fault and its first proposal ends it;
where nothing is the matter, none is. Stated confidence is compared with the share that was right in ten bins
of equal width; `ece` is the expected calibration error (Guo et al., On Calibration of Modern Neural Networks,
2017). The draw has another seed than the one the map was fitted on (`calibration_fit.py`).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from aegisops.bench.calibration_case import Judge, Judged
from aegisops.bench.calibration_fit import ALL_KINDS, TWO_AT_ONCE, maps, recorded
from aegisops.bench.registry import Say
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows, Value
from aegisops.bench.synthetic_incident import draw_faults
from responder.diagnose.calibration import Calibration, Standing

_BINS = 10
_SEED = 2
_COUNT = 900
_TRIES = 200

Stated = tuple[float, bool]
"""Stated confidence, and whether the diagnosis was right."""


def bins(stated: Sequence[Stated]) -> list[list[Stated]]:
    """`stated` in ten bins of equal width by confidence."""
    out: list[list[Stated]] = [[] for _ in range(_BINS)]
    for one in stated:
        out[min(_BINS - 1, int(one[0] * _BINS))].append(one)
    return out


def expected_error(stated: Sequence[Stated]) -> float:
    """The mean gap between confidence and share right over the bins, weighted by their size."""
    gaps = (abs(sum(c for c, _ in one) - sum(right for _, right in one)) for one in bins(stated))
    return sum(gaps) / len(stated) if stated else 1.0


def error_by_chance(confidences: Sequence[float]) -> float:
    """The mean error of so many diagnoses, were each right with just the chance that it states."""
    rng = np.random.default_rng(0)
    drawn = rng.random((_TRIES, len(confidences))) < np.array(confidences)
    errors = [expected_error(list(zip(confidences, map(bool, row), strict=True))) for row in drawn]
    return float(np.mean(errors))


def error_on_unseen_faults(judged: Sequence[Judged]) -> float:
    """The error where each kind of fault is judged by a map fitted without that kind."""
    known = [one for _, one in recorded()]
    stated: list[Stated] = []
    for fault in {one.fault for one in judged}:
        others = Calibration(
            seed=0, examples=0, right_by_belief=maps([one for one in known if one.fault != fault])
        )
        stated += [
            (others.share_right(one.belief, one.standing), one.right) for one in judged if one.fault == fault
        ]
    return expected_error(stated)


def measure(seed: int, count: int) -> BenchResult:
    """The figures for `count` examples drawn with `seed`."""
    judge = Judge()
    judged: list[Judged] = []
    by_fault: dict[str, Counter[str]] = {}
    for example in draw_faults(seed, count, ALL_KINDS, TWO_AT_ONCE):
        one = judge.judged(example)
        if one is not None:
            judged.append(one)
        said = "not detected" if example.incident is None else "left to a human"
        by_fault.setdefault(example.name, Counter())[
            said if one is None else "right" if one.right else "wrong"
        ] += 1
    total = sum(by_fault.values(), Counter[str]())
    stated = [(one.confidence, one.right) for one in judged]
    return BenchResult(
        "calibration",
        (
            Figure("ece", expected_error(stated), Goal(Bound.AT_MOST, 0.05), "expected calibration error"),
            Figure(
                "ece_of_belief",
                expected_error([(one.belief, one.right) for one in judged]),
                about="were belief stated as it is",
            ),
            Figure(
                "ece_unseen_fault",
                error_on_unseen_faults(judged),
                about="each kind of fault by a map fitted without it",
            ),
            Figure(
                "ece_by_chance",
                error_by_chance([one.confidence for one in judged]),
                about="of as many that are right just as often as they say",
            ),
            Figure("cases", count, about="made-up faults, and quiet services"),
            Figure("diagnosed", len(judged), about="with a cause and a stated confidence"),
            Figure("right", total["right"] / max(1, len(judged)), about="share of those"),
            Figure("left_to_a_human", total["left to a human"], about="not enough evidence"),
            Figure("not_detected", total["not detected"], about="the detector opened no incident"),
        ),
        (_reliability(stated), _by_standing(judged), _by_fault(by_fault)),
    )


def _reliability(stated: Sequence[Stated]) -> Rows:
    rows: list[tuple[Value, ...]] = [
        (f"{at / _BINS:.1f}-{(at + 1) / _BINS:.1f}", *_compared(one))
        for at, one in enumerate(bins(stated))
        if one
    ]
    return Rows("reliability", ("stated", "cases", "mean stated", "share right", "gap"), tuple(rows))


def _by_standing(judged: Sequence[Judged]) -> Rows:
    groups = {
        stands: [(o.confidence, o.right) for o in judged if o.standing is stands] for stands in Standing
    }
    rows: list[tuple[Value, ...]] = [
        (stands.value, *_compared(group)) for stands, group in groups.items() if group
    ]
    return Rows("by_standing", ("standing", "cases", "mean stated", "share right", "gap"), tuple(rows))


def _compared(stated: Sequence[Stated]) -> tuple[int, float, float, float]:
    mean = sum(c for c, _ in stated) / len(stated)
    share = sum(right for _, right in stated) / len(stated)
    return len(stated), round(mean, 3), round(share, 3), round(share - mean, 3)


def _by_fault(by_fault: dict[str, Counter[str]]) -> Rows:
    columns = ("right", "wrong", "left to a human", "not detected")
    rows: list[tuple[Value, ...]] = [(name, *(row[one] for one in columns)) for name, row in by_fault.items()]
    return Rows("by_fault", ("fault", *columns), tuple(rows))


def run(say: Say) -> BenchResult:
    """The figures of the shipped draw."""
    say(f"{_COUNT} made-up faults, seed {_SEED}: about two minutes")
    return measure(_SEED, _COUNT)
