"""Arithmetic on histograms: what came since the last point, merging, mean and quantile."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from detector.normalise.decode import Distribution, ExplicitBuckets, ExponentialBuckets

Buckets = ExplicitBuckets | ExponentialBuckets
_MAX_EXPONENT = 1000.0
WIDEST = 4.0
"""Width of a bucket, in means of what was observed, up to which a place in it is estimated."""


@dataclass(slots=True)
class Observed:
    """What was observed in one interval: `count` observations, their sum, and how they spread."""

    count: int
    total: float | None
    buckets: Buckets | None
    low: float | None
    high: float | None

    @property
    def mean(self) -> float | None:
        """Mean of the observations; None when there were none or their sum is not known."""
        return self.total / self.count if self.count > 0 and self.total is not None else None


def whole(point: Distribution) -> Observed:
    """All that the point holds."""
    return Observed(point.count, point.total, point.buckets, point.low, point.high)


def since(before: Observed, now: Observed) -> Observed | None:
    """What `now` holds beyond `before`, both cumulative; None when `now` is not a continuation (a reset).

    Buckets that cannot be compared (other bounds) are left out: count and mean remain. A cumulative
    minimum or maximum is of the whole life: it is the interval's only where it has just moved.
    """
    count = now.count - before.count
    if count < 0:
        return None
    buckets = _difference(before.buckets, now.buckets)
    if buckets is not None and _negative(buckets):
        return None
    total = None if before.total is None or now.total is None else now.total - before.total
    fresh = before.count == 0
    low = now.low if fresh or (before.low is not None and _below(now.low, before.low)) else None
    high = now.high if fresh or (before.high is not None and _below(before.high, now.high)) else None
    return Observed(count, total, buckets, low, high)


def _below(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other


def merged(one: Observed, other: Observed) -> Observed:
    """Both together; without buckets when theirs cannot be compared."""
    total = None if one.total is None or other.total is None else one.total + other.total
    low = None if one.low is None or other.low is None else min(one.low, other.low)
    high = None if one.high is None or other.high is None else max(one.high, other.high)
    return Observed(one.count + other.count, total, _sum(one.buckets, other.buckets), low, high)


def quantile(observed: Observed, q: float) -> float | None:
    """The q-quantile (0 to 1), linear within its bucket; None without observations or finite buckets.

    None also where it is in a bucket that begins below the mean and is many times as wide: the place in
    it would be invented. Minimum and maximum, where sent, bound the outer buckets and the result. The
    overflow bucket of explicit bounds without a maximum answers its lower bound, as Prometheus'
    histogram_quantile does.
    """
    if observed.buckets is None:
        return None
    buckets = list(_edges(observed))
    rank = q * sum(count for _, _, count in buckets)
    if rank <= 0:
        return None
    seen = 0.0
    for low, high, count in buckets:
        if count > 0 and seen + count >= rank:
            least = low if observed.low is None else max(low, observed.low)
            most = high if observed.high is None else min(high, observed.high)
            if _says_little(least, most, observed.mean):
                return None
            value = low + (high - low) * (rank - seen) / count
            if observed.high is not None:
                value = min(value, observed.high)
            return value if observed.low is None else max(value, observed.low)
        seen += count
    return None


def _says_little(low: float, high: float, mean: float | None) -> bool:
    return mean is not None and 0.0 <= low < mean and high - low > WIDEST * mean


def _edges(observed: Observed) -> Iterator[tuple[float, float, int]]:
    """The buckets from low to high as (lower bound, upper bound, count)."""
    if isinstance(observed.buckets, ExplicitBuckets):
        bounds, counts = observed.buckets.bounds, observed.buckets.counts
        first = min(0.0, bounds[0]) if observed.low is None else min(observed.low, bounds[0])
        last = bounds[-1] if observed.high is None else max(observed.high, bounds[-1])
        for i, count in enumerate(counts):
            yield (bounds[i - 1] if i else first), (bounds[i] if i < len(bounds) else last), count
    elif isinstance(observed.buckets, ExponentialBuckets):
        width = 2.0**-observed.buckets.scale
        for index in sorted(observed.buckets.negative, reverse=True):
            low, high = -_power((index + 1) * width), -_power(index * width)
            yield low, high, observed.buckets.negative[index]
        yield 0.0, 0.0, observed.buckets.zeros
        for index in sorted(observed.buckets.positive):
            yield _power(index * width), _power((index + 1) * width), observed.buckets.positive[index]


def _power(exponent: float) -> float:
    return float(2.0 ** min(max(exponent, -_MAX_EXPONENT), _MAX_EXPONENT))


def _difference(before: Buckets | None, now: Buckets | None) -> Buckets | None:
    if isinstance(before, ExplicitBuckets) and isinstance(now, ExplicitBuckets):
        if before.bounds != now.bounds or len(before.counts) != len(now.counts):
            return None
        return ExplicitBuckets(now.bounds, [n - b for b, n in zip(before.counts, now.counts, strict=True)])
    if isinstance(before, ExponentialBuckets) and isinstance(now, ExponentialBuckets):
        before, now = _same_scale(before, now)
        return ExponentialBuckets(
            now.scale,
            now.zeros - before.zeros,
            _subtract(now.positive, before.positive),
            _subtract(now.negative, before.negative),
        )
    return None


def _sum(one: Buckets | None, other: Buckets | None) -> Buckets | None:
    if isinstance(one, ExplicitBuckets) and isinstance(other, ExplicitBuckets):
        if one.bounds != other.bounds or len(one.counts) != len(other.counts):
            return None
        return ExplicitBuckets(one.bounds, [a + b for a, b in zip(one.counts, other.counts, strict=True)])
    if isinstance(one, ExponentialBuckets) and isinstance(other, ExponentialBuckets):
        one, other = _same_scale(one, other)
        return ExponentialBuckets(
            one.scale,
            one.zeros + other.zeros,
            _add(one.positive, other.positive),
            _add(one.negative, other.negative),
        )
    return None


def _same_scale(
    one: ExponentialBuckets, other: ExponentialBuckets
) -> tuple[ExponentialBuckets, ExponentialBuckets]:
    scale = min(one.scale, other.scale)
    return _at_scale(one, scale), _at_scale(other, scale)


def _at_scale(buckets: ExponentialBuckets, scale: int) -> ExponentialBuckets:
    """Perfect subsetting: at a scale lower by k, 2**k neighbouring buckets become one."""
    shift = buckets.scale - scale
    if shift == 0:
        return buckets
    return replace(
        buckets,
        scale=scale,
        positive=_shifted(buckets.positive, shift),
        negative=_shifted(buckets.negative, shift),
    )


def _shifted(counts: dict[int, int], shift: int) -> dict[int, int]:
    result: dict[int, int] = {}
    for index, count in counts.items():
        result[index >> shift] = result.get(index >> shift, 0) + count
    return result


def _subtract(now: dict[int, int], before: dict[int, int]) -> dict[int, int]:
    return {i: n for i in {**now, **before} if (n := now.get(i, 0) - before.get(i, 0))}


def _add(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    return {i: one.get(i, 0) + other.get(i, 0) for i in {**one, **other}}


def _negative(buckets: Buckets) -> bool:
    if isinstance(buckets, ExplicitBuckets):
        return any(count < 0 for count in buckets.counts)
    return buckets.zeros < 0 or any(
        n < 0 for part in (buckets.positive, buckets.negative) for n in part.values()
    )
