"""From a distance in standard deviations to the probability that a value is not normal."""

from math import isfinite


def not_normal(z: float) -> float:
    """1 minus the most that chance allows by Cantelli's inequality, P(X - mean >= z sd) <= 1 / (1 + z^2).

    It holds for every distribution with a variance, so it does not trust latencies to be Gaussian.

    >>> not_normal(0.0), not_normal(-3.0), round(not_normal(3.0), 2)
    (0.0, 0.0, 0.9)
    """
    if z <= 0.0:
        return 0.0
    if not isfinite(z) or z > 1e6:
        return 1.0
    return z * z / (1.0 + z * z)
