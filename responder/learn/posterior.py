"""The belief that an action helps: a Beta distribution over its chance of success."""

from dataclasses import dataclass

from responder.incident_record import Experience

PRIOR_WEIGHT = 4.0
"""How many seen outcomes the expectation of an action's success is worth."""

CREDIBLE = 0.9
"""The share of belief inside a credible interval; half of the rest lies on each side."""

_LEAST = 1e-3  # a Beta distribution needs parameters above 0, and an expectation may be 0 or 1


@dataclass(frozen=True, slots=True)
class Posterior:
    """Beta(`successes`, `failures`), pseudo-counts of the expectation included.

    >>> belief = Posterior.expected(0.9).after(0, 2)
    >>> belief, belief.mean
    (Posterior(successes=3.6, failures=2.4), 0.6)
    """

    successes: float
    failures: float

    @classmethod
    def expected(cls, mean: float) -> "Posterior":
        """The belief before anything was seen: `PRIOR_WEIGHT` outcomes, a share `mean` of them successes."""
        return cls(PRIOR_WEIGHT * mean, round(PRIOR_WEIGHT * (1.0 - mean), 12))

    def after(self, successes: float, failures: float) -> "Posterior":
        """The belief after these outcomes, which may be weighed."""
        return Posterior(self.successes + successes, self.failures + failures)

    @property
    def mean(self) -> float:
        """The chance of success."""
        return self.successes / (self.successes + self.failures)

    @property
    def interval(self) -> tuple[float, float]:
        """Between which chances of success `CREDIBLE` of the belief lies."""
        from scipy.special import betaincinv  # noqa: PLC0415 - slow to import, and needed for display alone

        a, b = max(_LEAST, self.successes), max(_LEAST, self.failures)
        tail = (1.0 - CREDIBLE) / 2.0
        return float(betaincinv(a, b, tail)), float(betaincinv(a, b, 1.0 - tail))


def on_service(fit: float, experience: Experience) -> Posterior:
    """The belief in an action on one service, in two steps: the expectation `fit` moved by what was seen
    elsewhere and by what was imported; its mean, worth `PRIOR_WEIGHT` outcomes again, moved by what was seen
    on the service itself. So others' outcomes matter where there are none of its own, and fade behind them.

    A. Gelman et al., Bayesian Data Analysis, 3rd ed., 2013, ch. 5: shrinkage towards the group.
    """
    general = Posterior.expected(fit)
    for told in (experience.elsewhere, experience.imported):
        general = general.after(told.successes, told.failures)
    return Posterior.expected(general.mean).after(experience.here.successes, experience.here.failures)
