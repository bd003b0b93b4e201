"""Is the combination of a service's golden signals unusual? One forest of half-space trees per service."""

import zlib
from collections.abc import Hashable
from typing import Any

import numpy as np
from river.anomaly import HalfSpaceTrees
from river.stats import EWMean, EWVar

from detector.score.bank import Floats
from detector.score.judge import SIGNALS


class ServiceForest:
    """Half-space trees (Tan, Ting and Liu 2011, "Fast anomaly detection for streaming data") over the
    distances of a service's signals from their means, each scaled to 0..1 (`z / (z + 4)`).

    One value a step and service: one forest per service is affordable, one per series is not.
    """

    def __init__(self, seed: int, window: int = 60) -> None:
        limits: dict[Hashable, tuple[float, float]] = {signal.value: (0.0, 1.0) for signal in SIGNALS}
        # Any: river's estimators are not typed
        self._trees: Any = HalfSpaceTrees(n_trees=8, height=6, window_size=window, limits=limits, seed=seed)
        self._mean = EWMean(fading_factor=0.02)
        self._variance = EWVar(fading_factor=0.02)
        self._steps = 0
        self._window = window

    def step(self, distances: Floats, learn: bool) -> float | None:
        """Probability-like score, 0 to 1, that this combination is unusual; None until warmed up.

        `distances` [number of signals], in standard deviations. `learn`: take it as normal as well.
        """
        scaled = distances / (distances + 4.0)
        point = {signal.value: float(scaled[number]) for number, signal in enumerate(SIGNALS)}
        score = self._trees.score_one(point)
        ready = self._steps >= 2 * self._window
        deviation = max(float(np.sqrt(max(self._variance.get(), 0.0))), 0.01)
        z = (score - self._mean.get()) / deviation
        if learn:
            self._trees.learn_one(point)
            self._steps += 1
            if self._steps > self._window:
                self._mean.update(score)
                self._variance.update(score)
        return float(z * z / (1.0 + z * z)) if ready and z > 0 else (0.0 if ready else None)


class Forests:
    """Forests of at most `most` services, grown on first need."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._forests: dict[int, ServiceForest] = {}

    def step(self, service: int, name: str, distances: Floats, learn: bool) -> float | None:
        """One step of a service's forest; None while it is not ready, or past the most services."""
        forest = self._forests.get(service)
        if forest is None:
            if len(self._forests) >= self._most:
                return None
            forest = self._forests[service] = ServiceForest(seed=zlib.crc32(name.encode()))
        return forest.step(distances, learn)
