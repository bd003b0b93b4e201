"""Gauges, sums, histograms, logs and spans become samples on series; see `detector.series`."""

from detector.normalise.normaliser import Normaliser

__all__ = ["Normaliser"]
