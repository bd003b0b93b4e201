"""Fits the map from belief to the share that is right: `python -m aegisops.bench.calibration_fit`.

Draws made-up faults anew, records each diagnosis in `data/calibration_fit.csv`, and writes the map to
`responder/diagnose/calibration.yaml` and to standard output. Isotonic regression (Zadrozny and Elkan,
Transforming Classifier Scores into Accurate Multiclass Probability Estimates, 2002) over groups of
neighbouring beliefs, since single diagnoses are right or wrong and nothing between.
"""

import csv
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from sklearn.isotonic import IsotonicRegression

from aegisops.bench.calibration_case import Judge, Judged
from aegisops.bench.synthetic_fault import KINDS, QUIET
from aegisops.bench.synthetic_incident import draw_faults
from responder.diagnose.calibration import Knots, Standing

SEED = 11
EXAMPLES = 1500
TWO_AT_ONCE = 0.1
ALL_KINDS = (*KINDS, *QUIET)

_GROUP = 15
_HEAD = """\
# How often a diagnosis was right (0 to 1), by how far it was believed, on made-up faults; straight between.
# Written by `python -m aegisops.bench.calibration_fit`; what the standings mean: calibration.py.
"""


def draw(seed: int, examples: int) -> list[tuple[int, Judged]]:
    """The diagnoses of the first `examples` made-up faults of `seed`, with their numbers."""
    judge = Judge()
    drawn = enumerate(draw_faults(seed, examples, ALL_KINDS, TWO_AT_ONCE))
    judged = ((number, judge.judged(example)) for number, example in drawn)
    return [(number, one) for number, one in judged if one is not None]


def fitted(judged: Sequence[Judged]) -> Knots:
    """Pairs of a belief and the share right, beliefs rising, shares not falling."""
    ordered = sorted((one.belief, one.right) for one in judged)
    groups = np.array_split(np.array(ordered, dtype=float), max(1, len(ordered) // _GROUP))
    beliefs, shares = (np.array([group[:, column].mean() for group in groups]) for column in (0, 1))
    weights = np.array([len(group) for group in groups])
    rising = IsotonicRegression(y_min=0.0, y_max=1.0).fit(beliefs, shares, sample_weight=weights)
    knots: dict[float, float] = {}
    for belief, share in zip(rising.X_thresholds_, rising.y_thresholds_, strict=True):
        knots[round(float(belief), 3)] = round(float(share), 3)
    return tuple(knots.items())


def maps(judged: Sequence[Judged]) -> dict[Standing, Knots]:
    """The knots of every standing."""
    return {stands: fitted([one for one in judged if one.standing is stands]) for stands in Standing}


def as_yaml(judged: Sequence[Judged], seed: int, examples: int) -> str:
    """The file the responder ships."""
    lines = [f"{_HEAD}seed: {seed}", f"examples: {examples}", "right_by_belief:"]
    for stands, knots in maps(judged).items():
        lines.append(f"  {stands}:")
        lines += [f"    - [{belief:.3f}, {share:.3f}]" for belief, share in knots]
    return "\n".join(lines) + "\n"


def recorded() -> list[tuple[int, Judged]]:
    """The diagnoses the shipped map was fitted to."""
    text = files("aegisops.bench").joinpath("data", "calibration_fit.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return [(int(row["number"]), _read(row)) for row in rows]


def _read(row: dict[str, str]) -> Judged:
    belief = float(row["belief"])
    return Judged(row["fault"], Standing(row["standing"]), belief, belief, row["right"] == "yes")


def _record(judged: Sequence[tuple[int, Judged]], path: Path) -> None:
    lines = ["number,fault,standing,belief,right"]
    lines += [
        f"{number},{one.fault},{one.standing},{one.belief:.3f},{'yes' if one.right else 'no'}"
        for number, one in judged
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Draws, fits, writes both files of this checkout, and prints the map."""
    judged = draw(SEED, EXAMPLES)
    text = as_yaml([one for _, one in judged], SEED, EXAMPLES)
    root = Path(__file__).parents[2]
    _record(judged, root / "aegisops" / "bench" / "data" / "calibration_fit.csv")
    (root / "responder" / "diagnose" / "calibration.yaml").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
