"""What parts of taking metrics in cost by themselves: decoding, scoring, and a forest for each series."""

import time
from collections.abc import Callable, Hashable
from itertools import cycle
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from river.anomaly import HalfSpaceTrees

from aegisops.bench.ingest_load import POINTS_EACH, Load
from detector.engine import Engine, EngineConfig
from detector.incident import Incident
from detector.normalise import Normaliser
from detector.series import Normalised, SeriesRegistry

_FOREST_SERIES = 50
_TREES, _HEIGHT, _WINDOW = 10, 8, 250  # river's own defaults


class _NoTrace:
    def record(self, incident: Incident) -> str:  # noqa: ARG002 - contract
        return ""


def decoded_per_second(series: int, seconds: float) -> float:
    """Points a second from bytes to samples, by the detector's own normaliser."""
    registry = SeriesRegistry()
    normaliser = Normaliser(registry)
    load = Load(series)

    def one(body: bytes) -> None:
        normaliser.metrics(ExportMetricsServiceRequest.FromString(body), time.time())

    return _rate(load, one, seconds)


def scored_per_second(series: int, seconds: float) -> float:
    """Points a second from samples to anomalies, by the detector's own engine."""
    registry = SeriesRegistry()
    normaliser = Normaliser(registry)
    engine = Engine(registry, EngineConfig(), _NoTrace(), lambda: "INC-BENCH")
    rounds: list[Normalised] = [
        normaliser.metrics(ExportMetricsServiceRequest.FromString(body), time.time())
        for _ in range(2)
        for body in Load(series).round()
    ]
    for batch in rounds:
        engine.ingest(batch, time.time())
    began, points = time.perf_counter(), 0
    for batch in cycle(rounds):
        engine.ingest(batch, time.time())
        points += POINTS_EACH
        if (took := time.perf_counter() - began) >= seconds:
            return points / took
    raise AssertionError("a cycle does not end")


def forests_per_second(seconds: float) -> float:
    """Points a second scored and learned by river's HalfSpaceTrees, one for each series."""
    limits: dict[Hashable, tuple[float, float]] = {"value": (0.0, 1.0)}
    trees: list[Any] = [  # river's estimators are not typed
        HalfSpaceTrees(n_trees=_TREES, height=_HEIGHT, window_size=_WINDOW, limits=limits, seed=seed)
        for seed in range(_FOREST_SERIES)
    ]
    began = time.perf_counter()
    for points, tree in enumerate(cycle(trees), 1):
        value = {"value": 0.4 + 0.01 * (points % 7)}
        tree.score_one(value)
        tree.learn_one(value)
        if points % 100 == 0 and (took := time.perf_counter() - began) >= seconds:
            return points / took
    raise AssertionError("a cycle does not end")


def _rate(load: Load, one: Callable[[bytes], None], seconds: float) -> float:
    for body in load.round():  # every series is new in it
        one(body)
    began, points = time.perf_counter(), 0
    while True:
        for body in load.round():
            one(body)
            points += POINTS_EACH
        if (took := time.perf_counter() - began) >= seconds:
            return points / took
