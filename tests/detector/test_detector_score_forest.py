"""The forest of a service knows its usual combinations."""

import numpy as np

from detector.score.forest import Forests
from detector.score.judge import SIGNALS


def usual(rng: np.random.Generator) -> np.ndarray:
    """All signals near their means."""
    return np.abs(rng.standard_normal(len(SIGNALS)))


def test_an_unusual_combination_scores_high_once_the_forest_is_ready() -> None:
    forests, rng = Forests(most=1), np.random.default_rng(1)
    assert forests.step(0, "shop", usual(rng), learn=True) is None
    calm = [forests.step(0, "shop", usual(rng), learn=True) for _ in range(400)]
    odd = forests.step(0, "shop", np.full(len(SIGNALS), 30.0), learn=False)
    assert odd is not None
    assert odd > 0.95
    assert float(np.mean([score > 0.95 for score in calm if score is not None])) < 0.05


def test_forests_are_bounded() -> None:
    forests, rng = Forests(most=1), np.random.default_rng(1)
    for service in range(3):
        for _ in range(200):
            score = forests.step(service, "shop", usual(rng), learn=True)
    assert score is None
