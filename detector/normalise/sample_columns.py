"""Gathers samples row by row and hands them over as columns."""

import math

import numpy as np

from detector.series import Samples, SeriesKey, SeriesRegistry


class SampleColumns:
    """Samples in the making. Values that are not finite and series the registry refuses are left out."""

    def __init__(self, registry: SeriesRegistry) -> None:
        self._registry = registry
        self._clear()

    def __len__(self) -> int:
        return len(self._series)

    def add(self, series: int | None, instance: int, time: float, value: float) -> None:
        """One sample on a slot of the registry; nothing when the slot is None."""
        if series is not None and math.isfinite(value):
            self._series.append(series)
            self._instances.append(instance)
            self._times.append(time)
            self._values.append(value)

    def add_to(self, key: SeriesKey, instance: int, time: float, value: float) -> None:
        """One sample on the series named `key`."""
        if math.isfinite(value):
            self.add(self._registry.series_slot(key), instance, time, value)

    def take(self) -> Samples:
        """All samples gathered since the last time."""
        samples = Samples(
            np.array(self._series, dtype=np.int64),
            np.array(self._instances, dtype=np.int64),
            np.array(self._times, dtype=np.float64),
            np.array(self._values, dtype=np.float64),
        )
        self._clear()
        return samples

    def _clear(self) -> None:
        self._series: list[int] = []
        self._instances: list[int] = []
        self._times: list[float] = []
        self._values: list[float] = []
