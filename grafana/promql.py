"""The few shapes of PromQL that the dashboards are made of.

`where` is a list of label matchers without its braces; `by` names the labels that are kept (none: one sum).
"""


def selected(metric: str, where: str = "") -> str:
    """A metric, and of it the series that match."""
    return f"{metric}{{{where}}}" if where else metric


def summed(expression: str, by: str = "") -> str:
    """The sum of what is alike in `by`."""
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"


def rate(counter: str, by: str = "", where: str = "") -> str:
    """How fast a counter grows, per second, over time."""
    return summed(f"rate({selected(counter, where)}[$__rate_interval])", by)


def growth(counter: str, by: str = "", where: str = "", window: str = "$__range") -> str:
    """By how much a counter grew in `window`.

    `increase` does not see the step from no series to the first value; a series that was not there before
    the window has therefore grown by its value.
    """
    one = selected(counter, where)
    return summed(f"({one} unless {one} offset {window}) or increase({one}[{window}])", by)


def grown(counter: str, by: str) -> str:
    """By how much a counter grew in the time range, only where it did."""
    return f"{growth(counter, by)} > 0"


def quantile(share: float, histogram: str, by: str = "", where: str = "") -> str:
    """The value that `share` of what a histogram recorded lies below, over time."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', f'le, {by}' if by else 'le', where)})"


def quantile_of_few(share: float, histogram: str, by: str = "") -> str:
    """The same of what is recorded so seldom that the first one of its kind counts."""
    grown = growth(f"{histogram}_bucket", f"le, {by}" if by else "le", window="$__rate_interval")
    return f"histogram_quantile({share}, {grown})"


def mean(histogram: str, by: str = "", where: str = "", window: str = "$__range") -> str:
    """The mean of what a histogram recorded in `window`."""
    return (
        f"{growth(f'{histogram}_sum', by, where, window)} / {growth(f'{histogram}_count', by, where, window)}"
    )
